"""Every operation of the API, and plans that finish."""
