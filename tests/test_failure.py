"""From an error answer to its class, held to everything the API is known to answer."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiocloudauth._core.lifecycle import for_request, refused
from aiocloudauth._wire.failure import Failure, api_error, error_class, failure_of, is_token_refusal
from aiocloudauth.errors import (
    ApiError,
    AuthenticationClusterError,
    AuthenticationError,
    BadRequestError,
    CloudAuthError,
    ConflictError,
    ElevatedPermissionsRequiredError,
    ErrorDetail,
    GatewayError,
    InvalidResponseError,
    NoAuthenticationClusterError,
    NotFoundError,
    PermissionDeniedError,
    PreconditionFailedError,
    RateLimitedError,
    RenewalTimeoutError,
    ServerError,
    SessionExpiredError,
    TransportError,
    UnauthenticatedError,
    UnauthorizedError,
    VersionConflictError,
)

#: A loaded machine is no defect; a hang is ended by the timeout of the suite.
UNHURRIED = settings(deadline=None)

#: Every error code of the ECE 3.8 API description, by status.
CODES: dict[int, str] = {
    400: """
        adminconsole.base_url.bad_version_format
        allocators.delete_allocator_with_instances_attempt
        allocators.delete_connected_allocator_attempt allocators.invalid_empty_metadata_item
        allocators.invalid_empty_metadata_items api_keys.invalid_input
        cert.unknown_cert_algorithm clusters.cluster_invalid_plan
        clusters.cluster_plan_state_error clusters.plan_feature_not_implemented
        configuration.bad_meta_data configuration.configuration_id_reserved
        configuration.instance_configuration_update_failed
        configuration.invalid_cluster_type configuration.invalid_discrete_sizes
        coordinators.candidate_deletion_failed coordinators.coordinator_demote_failed
        costs.invalid_date_range deployments.invalid_metadata
        deployments.resource_does_not_have_a_pending_plan
        deployments.resource_does_not_have_a_valid_version
        deployments.resource_has_instances deployments.resource_not_shutdown
        deployments.restricted_parameter enrollment_tokens.invalid_token_request
        extensions.request_execution_failed license.invalid_license
        networking.cname.bad_version_format organization.invalid_name
        organization.invitation_already_exists organization.invitation_invalid_email
        organization.user_organization_already_belongs
        organization.user_organization_already_exists patch.request_malformed
        platform.config.store.already_exists proxies.proxies_filtered_group_already_exists
        proxies.proxies_filtered_group_empty_id proxies.proxies_filtered_group_id_conflict
        role_assignments.invalid_target_user_id roles.in_use root.invalid_data
        runners.runner_deletion_failed runners.runner_set_roles_failed runners.search_failed
        security_realm.active_directory.invalid_url security_realm.id_conflict
        security_realm.invalid_bundle_url security_realm.invalid_id
        security_realm.invalid_ids security_realm.invalid_order security_realm.invalid_type
        security_realm.invalid_url security_realm.invalid_yaml
        security_realm.ldap.invalid_url security_realm.missing_ids
        security_realm.order_conflict security_realm.saml.invalid_idp_metadata_url
        stackpack.bad_archive stackpack.invalid_version stackpack.unknown_internal_error
        templates.region_not_found traffic_filter.invalid_association_type
        traffic_filter_claimed_link_id.invalid_input user.cannot_modify
        user.cannot_modify_external user.restricted_deletion user.restricted_field
        user.roles.forbidden user.roles.invalid user.user_name.invalid
    """,
    401: """
        comments.no_user_id comments.unauthorised extensions.no_user_id
        extensions.unauthorised root.unauthenticated root.unauthorized
        templates.region_not_allowed user.not_found
    """,
    403: """
        clusters.command_prohibited configuration.system_owned
        constructors.command_prohibited deployments.instance_update_prohibited_error
        enrollment_tokens.signing_key_not_found organization.invalid_access
        role_assignments.unauthorized_role_assignments root.invalid_authentication
        root.unauthorized.rbac
    """,
    404: """
        accounts.not_found adminconsole.base_url.not_found
        adminconsoles.logging_settings.not_found allocators.allocator_not_found
        allocators.logging_settings.not_found allocators.metadata_item_not_found
        api_keys.key_not_found api_keys.user_not_found
        billing_service.es_cluster_id_not_found cert.not_found clusters.cluster_not_found
        comments.comment_does_not_exist comments.resource_does_not_exist
        configuration.instance_configuration_not_found constructors.constructor_not_found
        constructors.logging_settings.not_found coordinators.candidate_not_found
        coordinators.coordinator_not_found deployments.deployment_not_found
        deployments.deployment_resource_not_found deployments.instance_not_found_error
        deployments.instances_missing_on_update_error enrollment_tokens.invalid_token_id
        extensions.no_user_id extensions.not_found heap_dumps.heap_dump_not_found
        instance_overrides.out_of_range license.license_not_found networking.cname.not_found
        organization.invitation_not_found organization.membership_not_found
        organization.not_found organization.user_organization_does_not_belong
        platform.config.store.not_found proxies.proxies_filtered_group_not_found
        proxies.proxy_not_found roles.not_found runners.logging_settings.not_found
        runners.runner_not_found security_deployment.not_found security_realm.not_found
        stackpack.missing_platform_version stackpack.version_not_found
        templates.template_not_found traffic_filter.not_found trust_relationships.not_found
        user.not_found
    """,
    409: """
        adminconsole.base_url.version_conflict comments.id_already_exists
        comments.version_conflict extensions.id_already_exists extensions.version_conflict
        networking.cname.version_conflict platform.config.store.version_conflict
        proxies.proxies_filtered_group_version_conflict proxies.version_conflict
        roles.already_exists roles.version_conflict security_deployment.already_exists
        security_deployment.version_conflict security_realm.version_conflict
        telemetry.already_exists templates.version_conflict user.user_name.conflict
    """,
    412: """
        clusters.cluster_plan_state_error security_deployment.cluster_pending_plan_exists
    """,
    422: """
        deployments.deployment_resource_plan_change_error
    """,
    429: """
        billing_service.rate_limited organization.invitations_rate_limit_exceeded
    """,
    449: """
        deployments.metadata_internal_error
    """,
    500: """
        adminconsole.base_url.invalid_persisted_data allocators.resync_failed
        billing_service.failed_request constructors.resync_failed
        deployments.deployment_resource_no_longer_exists
        deployments.elasticsearch.password_reset_error deployments.metadata_internal_error
        deployments.resync_failed runners.resync_failed telemetry.request_execution_failed
        traffic_filter.request_execution_failed
        traffic_filter_claimed_link_id.request_execution_failed
    """,
    501: """
        authc.no_authentication_cluster
    """,
    502: """
        authc.authentication_cluster_error
    """,
}

#: The class of a status.
BY_STATUS: dict[int, type[ApiError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    412: PreconditionFailedError,
    422: BadRequestError,
    429: RateLimitedError,
    449: ServerError,
    500: ServerError,
    501: NoAuthenticationClusterError,
    502: AuthenticationClusterError,
}

#: The codes that beat their status.
BEATS: dict[tuple[int, str], type[ApiError]] = {
    (400, "organization.invitation_already_exists"): ConflictError,
    (400, "organization.user_organization_already_belongs"): ConflictError,
    (400, "organization.user_organization_already_exists"): ConflictError,
    (400, "platform.config.store.already_exists"): ConflictError,
    (400, "proxies.proxies_filtered_group_already_exists"): ConflictError,
    (400, "proxies.proxies_filtered_group_id_conflict"): ConflictError,
    (400, "security_realm.id_conflict"): ConflictError,
    (400, "security_realm.order_conflict"): ConflictError,
    (401, "comments.no_user_id"): PermissionDeniedError,
    (401, "comments.unauthorised"): PermissionDeniedError,
    (401, "extensions.no_user_id"): PermissionDeniedError,
    (401, "extensions.unauthorised"): PermissionDeniedError,
    (401, "templates.region_not_allowed"): PermissionDeniedError,
    (401, "root.unauthenticated"): UnauthenticatedError,
    (401, "root.unauthorized"): UnauthorizedError,
    (404, "extensions.no_user_id"): PermissionDeniedError,
    (409, "adminconsole.base_url.version_conflict"): VersionConflictError,
    (409, "comments.version_conflict"): VersionConflictError,
    (409, "extensions.version_conflict"): VersionConflictError,
    (409, "networking.cname.version_conflict"): VersionConflictError,
    (409, "platform.config.store.version_conflict"): VersionConflictError,
    (409, "proxies.proxies_filtered_group_version_conflict"): VersionConflictError,
    (409, "proxies.version_conflict"): VersionConflictError,
    (409, "roles.version_conflict"): VersionConflictError,
    (409, "security_deployment.version_conflict"): VersionConflictError,
    (409, "security_realm.version_conflict"): VersionConflictError,
    (409, "templates.version_conflict"): VersionConflictError,
}

#: Seen on real installations, in no API description of today.
IN_THE_WILD: list[tuple[int, str, type[ApiError]]] = [
    (403, "root.permission_denied", PermissionDeniedError),
    (404, "root.resource_not_found", NotFoundError),
    (200, "controller_route.controller_not_ready", ServerError),
    (
        449,
        "root.unauthorized.rbac.elevated_permissions_required",
        ElevatedPermissionsRequiredError,
    ),
    (400, "authc.invalid_token", BadRequestError),
    (400, "api_keys.invalid_re_auth_credentials", BadRequestError),
]

KNOWN = [
    (status, code, BEATS.get((status, code), BY_STATUS[status]))
    for status, codes in CODES.items()
    for code in codes.split()
]


def body_of(*codes: str, message: str = "It failed.") -> bytes:
    """Write an error body as the API does."""
    return json.dumps({"errors": [{"code": code, "message": message} for code in codes]}).encode()


def test_the_list_of_codes_is_complete() -> None:
    """The API description has 171 pairs of status and code; a lost one would go unnoticed."""
    assert len({(status, code) for status, code, _ in KNOWN}) == len(KNOWN) == 171
    assert len({code for _, code, _ in KNOWN}) == 167
    assert set(BEATS) <= {(status, code) for status, code, _ in KNOWN}


@pytest.mark.parametrize(("status", "code", "expected"), [*KNOWN, *IN_THE_WILD])
def test_every_known_code_has_its_class_from_the_body_and_from_the_header(
    status: int, code: str, expected: type[ApiError]
) -> None:
    """What the API is known to answer is classified by what it means, not by its status alone."""
    by_body = failure_of(status, {}, body_of(code))
    by_header = failure_of(status, {"x-cloud-error-codes": code}, b"")
    assert by_body.codes == by_header.codes == (code,)
    assert error_class(by_body) is expected
    assert error_class(by_header) is expected


HTML = b"<html><body><h1>Bad Gateway</h1></body></html>"


@pytest.mark.parametrize(
    ("status", "headers", "body", "where", "expected"),
    [
        # wrong password or Basic
        (401, {}, body_of("root.unauthenticated"), {"authentication": True}, UnauthenticatedError),
        # expired bearer on a route: either code, or none
        (401, {}, body_of("root.unauthorized"), {"token_sent": True}, UnauthorizedError),
        (401, {}, body_of("root.unauthenticated"), {"token_sent": True}, UnauthorizedError),
        (401, {}, b"", {"token_sent": True}, UnauthorizedError),
        (401, {"Content-Type": "text/html"}, HTML, {"token_sent": True}, UnauthorizedError),
        # missing permission
        (403, {}, body_of("root.unauthorized.rbac"), {"token_sent": True}, PermissionDeniedError),
        (403, {}, body_of("root.permission_denied"), {"token_sent": True}, PermissionDeniedError),
        (403, {}, b"", {"token_sent": True}, PermissionDeniedError),
        # 401 that is no token problem
        (401, {}, body_of("comments.unauthorised"), {"token_sent": True}, PermissionDeniedError),
        (401, {}, body_of("comments.no_user_id"), {"token_sent": True}, PermissionDeniedError),
        (401, {}, body_of("extensions.unauthorised"), {"token_sent": True}, PermissionDeniedError),
        (401, {}, body_of("extensions.no_user_id"), {"token_sent": True}, PermissionDeniedError),
        (
            401,
            {},
            body_of("templates.region_not_allowed"),
            {"token_sent": True},
            PermissionDeniedError,
        ),
        (401, {}, body_of("user.not_found"), {"token_sent": True}, AuthenticationError),
        # admin console starting
        (200, {}, body_of("controller_route.controller_not_ready"), {}, ServerError),
        # old route
        (404, {}, b'{"ok": false, "message": "no such thing"}', {}, NotFoundError),
        (500, {}, b'{"ok": false, "message": "broken"}', {}, ServerError),
        # proxy in front: HTML, plain text, empty
        (502, {"Content-Type": "text/html"}, HTML, {}, GatewayError),
        (503, {"Content-Type": "text/plain"}, b"upstream connect error", {}, GatewayError),
        (504, {}, b"", {}, GatewayError),
        (502, {}, b"", {"authentication": True}, GatewayError),
        (503, {}, HTML, {"authentication": True}, GatewayError),
        (502, {}, b'{"message": 5}', {}, GatewayError),
        (502, {}, b'["no object"]', {}, GatewayError),
        # authentication cluster down
        (
            502,
            {},
            body_of("authc.authentication_cluster_error"),
            {"authentication": True},
            AuthenticationClusterError,
        ),
        (502, {}, body_of("authc.authentication_cluster_error"), {}, AuthenticationClusterError),
        (
            503,
            {},
            b'{"ok": false, "message": "cluster down"}',
            {"authentication": True},
            AuthenticationClusterError,
        ),
        (503, {}, b'{"ok": false, "message": "busy"}', {}, ServerError),
        # none set up
        (
            501,
            {},
            body_of("authc.no_authentication_cluster"),
            {"authentication": True},
            NoAuthenticationClusterError,
        ),
        # ECE up to 3.6: elevate; 3.8: try again
        (
            449,
            {},
            body_of("root.unauthorized.rbac.elevated_permissions_required"),
            {"token_sent": True},
            ElevatedPermissionsRequiredError,
        ),
        (449, {}, body_of("deployments.metadata_internal_error"), {}, ServerError),
        # a health object, no errors
        (417, {}, b'{"ok": false, "status": "unhealthy"}', {}, ApiError),
        # a rate limit of whatever is in front
        (429, {}, b"", {}, RateLimitedError),
        # status class
        (418, {}, body_of("teapots.short_and_stout"), {}, ApiError),
        (599, {}, body_of("unheard.of"), {}, ServerError),
    ],
)
def test_what_failures_really_look_like(
    status: int,
    headers: dict[str, str],
    body: bytes,
    where: dict[str, bool],
    expected: type[ApiError],
) -> None:
    """Answers that real installations, and what stands in front of them, are known to give."""
    found = failure_of(status, headers, body)
    failure = Failure(
        found.status, found.errors, found.codes, found.message, from_api=found.from_api, **where
    )
    assert error_class(failure) is expected


def test_a_retryable_449_is_told_from_one_that_wants_elevation() -> None:
    """The same status means opposite things before and since ECE 3.7."""
    again = error_class(failure_of(449, {}, body_of("deployments.metadata_internal_error")))
    elevate = error_class(
        failure_of(449, {}, body_of("root.unauthorized.rbac.elevated_permissions_required"))
    )
    assert (again.retryable, elevate.retryable) == (True, False)


def test_403_is_never_not_found() -> None:
    """A provider that read 403 as "not found" planned to create everything again."""
    for code in CODES[403].split():
        assert issubclass(error_class(Failure(403, codes=(code,))), PermissionDeniedError)
    assert error_class(Failure(403)) is PermissionDeniedError


@pytest.mark.parametrize(
    ("status", "codes", "expected"),
    [
        (404, ("root.unauthorized.rbac",), PermissionDeniedError),
        (404, ("root.permission_denied",), PermissionDeniedError),
        (404, ("templates.region_not_allowed",), PermissionDeniedError),
        (
            404,
            ("root.unauthorized.rbac.elevated_permissions_required",),
            ElevatedPermissionsRequiredError,
        ),
        (401, ("root.unauthorized.rbac.some_new_rule",), PermissionDeniedError),
        (404, ("things.unauthorised",), PermissionDeniedError),
        (404, ("things.no_user_id",), PermissionDeniedError),
        (400, ("things.version_conflict",), VersionConflictError),
        (400, ("things.name_conflict",), ConflictError),
        (400, ("things.thing_already_exists",), ConflictError),
        (400, ("things.already_exists_elsewhere",), ConflictError),
        (400, ("things.thing_already_belongs",), ConflictError),
        (500, ("root.unauthenticated",), UnauthenticatedError),
        (500, ("authc.no_authentication_cluster",), NoAuthenticationClusterError),
        (503, ("authc.authentication_cluster_error",), AuthenticationClusterError),
    ],
)
def test_a_code_or_its_family_beats_the_status(
    status: int, codes: tuple[str, ...], expected: type[ApiError]
) -> None:
    """The set of codes is open: new ones of a known family mean what the family means."""
    assert error_class(Failure(status, codes=codes)) is expected


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        *((status, kind) for status, kind in BY_STATUS.items() if status < 449),
        (418, ApiError),
        (500, ServerError),
        (503, ServerError),
        (599, ServerError),
    ],
)
def test_an_unknown_code_leaves_the_class_to_the_status(
    status: int, expected: type[ApiError]
) -> None:
    """A code nobody has heard of makes no error less precise than its status."""
    assert error_class(Failure(status, codes=("brand.new",))) is expected


def test_the_first_code_that_says_something_decides() -> None:
    """Several codes come in the order the server gives them; unknown ones are passed over."""
    assert error_class(Failure(400, codes=("new.thing", "a.b_conflict", "root.unauthorized"))) is (
        ConflictError
    )


def test_501_means_no_authentication_cluster_only_where_it_can() -> None:
    """Another 501 is a server's failure: no advice to set a cluster up, no slow pace."""
    assert error_class(Failure(501, codes=("things.not_implemented",))) is ServerError
    assert error_class(Failure(501, message="no such feature")) is ServerError
    assert error_class(Failure(501, authentication=True)) is NoAuthenticationClusterError


@UNHURRIED
@given(
    status=st.integers(100, 999),
    codes=st.lists(st.text(max_size=20) | st.sampled_from([c for _, c, _ in KNOWN]), max_size=3),
    flags=st.tuples(st.booleans(), st.booleans(), st.booleans()),
)
def test_any_answer_has_a_class_and_only_a_5xx_or_a_code_makes_a_server_error(
    status: int, codes: list[str], flags: tuple[bool, bool, bool]
) -> None:
    """Classification never fails, and what no rule names lands in the status's own class."""
    from_api, authentication, token_sent = flags
    kind = error_class(
        Failure(
            status,
            codes=tuple(codes),
            from_api=from_api,
            authentication=authentication,
            token_sent=token_sent,
        )
    )
    assert issubclass(kind, ApiError)
    if not codes:
        assert issubclass(kind, ServerError) == (status >= 500)
        assert issubclass(kind, AuthenticationError) == (status == 401)


# -- which 401 is about the token ----------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "codes", "expected"),
    [
        (401, (), True),
        (401, ("root.unauthorized",), True),
        (401, ("root.unauthenticated",), True),
        (401, ("root.unauthorized", "root.unauthenticated"), True),
        (401, ("root.unauthorized", "comments.unauthorised"), False),
        (401, ("root.unauthorized.rbac",), False),
        (401, ("user.not_found",), False),
        (401, ("templates.region_not_allowed",), False),
        (403, ("root.unauthorized",), False),
        (403, (), False),
        (449, ("root.unauthorized",), False),
        (400, (), False),
        (200, (), False),
    ],
)
def test_only_a_401_with_exactly_these_codes_or_none_refuses_the_token(
    status: int, codes: tuple[str, ...], *, expected: bool
) -> None:
    """Any other answer is about something that a new token does not change."""
    assert is_token_refusal(status, codes) is expected


def test_a_401_without_a_code_blames_what_was_sent() -> None:
    """Where no token went out, it was the credentials that were refused."""
    assert error_class(Failure(401, token_sent=True)) is UnauthorizedError
    assert error_class(Failure(401, authentication=True, token_sent=True)) is UnauthorizedError
    assert error_class(Failure(401, authentication=True)) is UnauthenticatedError
    named = Failure(401, codes=("user.not_found",), authentication=True)
    assert error_class(named) is AuthenticationError


# -- the error itself ----------------------------------------------------------------------


def made(failure: Failure, **options: Any) -> ApiError:
    """Build the error for a failing `GET`."""
    url = "https://h/api/v1/x"
    return api_error(error_class(failure), failure, method="GET", url=url, **options)


def test_the_error_carries_every_part_of_the_answer() -> None:
    """Handlers need not look at the response again."""
    failure = failure_of(409, {}, body_of("roles.version_conflict", message="read it again"))
    error = made(failure, headers={"X-Request-Id": "7"}, retry_after=3.0)
    assert type(error) is VersionConflictError
    assert error.status == 409
    assert error.errors == (ErrorDetail("roles.version_conflict", "read it again"),)
    assert error.codes == ("roles.version_conflict",)
    assert (error.method, error.url) == ("GET", "https://h/api/v1/x")
    assert error.headers["x-request-id"] == "7"
    assert error.retry_after == 3.0


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (
            failure_of(400, {}, body_of("a.b", "c.d", message="Why.")),
            "GET https://h/api/v1/x answered 400 (a.b: Why.; c.d: Why.)",
        ),
        (
            failure_of(400, {}, b'{"errors": [{"code": "a.b"}]}'),
            "GET https://h/api/v1/x answered 400 (a.b)",
        ),
        (
            failure_of(404, {}, b'{"ok": false, "message": "gone"}'),
            "GET https://h/api/v1/x answered 404 (gone)",
        ),
        (
            failure_of(404, {"x-cloud-error-codes": "a.b, c.d"}, b""),
            "GET https://h/api/v1/x answered 404 (a.b, c.d)",
        ),
        (failure_of(417, {}, b"{}"), "GET https://h/api/v1/x answered 417"),
    ],
)
def test_the_message_says_what_was_asked_and_what_the_server_said(
    failure: Failure, expected: str
) -> None:
    """The body's list comes first, then its sentence, then the header."""
    assert str(made(failure)) == expected


@pytest.mark.parametrize(
    ("failure", "advice"),
    [
        (Failure(401, codes=()), "token"),
        (Failure(403), "may not"),
        (Failure(429), "too many"),
        (Failure(449), "elevated"),
        (Failure(501, authentication=True), "no authentication cluster"),
        (Failure(502, authentication=True), "authentication cluster cannot"),
        (Failure(502, from_api=False), "proxy"),
    ],
)
def test_an_answer_that_says_nothing_is_explained(failure: Failure, advice: str) -> None:
    """Every error has a message a person can act on."""
    assert advice in str(made(failure, note=""))


def test_a_note_of_ours_follows_what_the_server_said() -> None:
    """LESSONS: "header silently gone after a redirect, puzzling 401": the error says so."""
    error = made(Failure(401, token_sent=True), note="The token was left out after a redirect")
    assert str(error).endswith("). The token was left out after a redirect")


# -- what a failed renewal means to others -------------------------------------------------


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (UnauthorizedError("x", status=401), True),
        (PermissionDeniedError("x", status=403), True),
        (BadRequestError("x", status=400), False),
        (TransportError("x"), False),
    ],
)
def test_a_refusal_is_an_answer_with_that_status(error: CloudAuthError, *, expected: bool) -> None:
    """`_login` answering 401 or 403, whatever the code, is terminal; a lost connection is not."""
    assert refused(error, 401, 403) is expected


@pytest.mark.parametrize(
    "error",
    [
        UnauthenticatedError("x", status=401),
        NoAuthenticationClusterError("x", status=501),
        SessionExpiredError("x"),
    ],
)
def test_a_request_raises_these_as_they_are(error: CloudAuthError) -> None:
    """They already say what is wrong with the session."""
    assert for_request(error) is error


@pytest.mark.parametrize(
    "error",
    [
        TransportError("connection refused"),
        RenewalTimeoutError("no answer in time"),
        InvalidResponseError("the answer is empty"),
        UnauthorizedError("refused", status=401),
        PermissionDeniedError("refused", status=403),
        RateLimitedError("slow down", status=429),
        GatewayError("a proxy answered", status=502),
        AuthenticationClusterError("down", status=502),
    ],
)
def test_a_request_raises_session_expired_from_anything_else(error: CloudAuthError) -> None:
    """Never a bare `TransportError`: aiohttp would turn an `OSError` into its own."""
    seen = for_request(error)
    assert type(seen) is SessionExpiredError
    assert seen.__cause__ is error
    assert str(error) in str(seen)
    assert not isinstance(seen, OSError)
