"""What the API takes and answers, for type checkers. Made by `make api`.

A key that may be left out may be `None` too. Source: ECE 3.8 API, definitions.
"""

from __future__ import annotations

from typing import Any, Literal, Required, TypeAlias, TypedDict

class AccountResponse(TypedDict, total=False):
    id: Required[str]
    trust: AccountTrustSettings | None

class AccountTrustRelationship(TypedDict, total=False):
    account_id: Required[str]
    name: str | None
    trust_all: Required[bool]
    trust_allowlist: list[str] | None

class AccountTrustSettings(TypedDict, total=False):
    trust_all: Required[bool]

class AccountUpdateRequest(TypedDict, total=False):
    trust: AccountTrustSettings | None

class ActiveDirectoryGroupSearch(TypedDict, total=False):
    base_dn: str | None
    scope: Literal["sub_tree", "one_level", "base"] | None

class ActiveDirectorySecurityRealmLoadBalance(TypedDict, total=False):
    cache_ttl: str | None
    type: Literal["failover", "dns_failover", "round_robin", "dns_round_robin"] | None

class ActiveDirectorySecurityRealmRoleMappingRule(TypedDict, total=False):
    roles: Required[list[str]]
    type: Required[Literal["user_dn", "group_dn"]]
    value: Required[str]

class ActiveDirectorySecurityRealmRoleMappingRules(TypedDict, total=False):
    default_roles: Required[list[str]]
    rules: Required[list[ActiveDirectorySecurityRealmRoleMappingRule]]

class ActiveDirectorySettings(TypedDict, total=False):
    bind_anonymously: Required[bool]
    bind_dn: str | None
    bind_password: str | None
    certificate_url: str | None
    certificate_url_truststore_password: str | None
    certificate_url_truststore_type: Literal["jks", "PKCS12"] | None
    domain_name: Required[str]
    enabled: bool | None
    group_search: ActiveDirectoryGroupSearch | None
    id: Required[str]
    load_balance: ActiveDirectorySecurityRealmLoadBalance | None
    name: Required[str]
    order: int | None
    override_yaml: str | None
    role_mappings: ActiveDirectorySecurityRealmRoleMappingRules | None
    urls: Required[list[str]]
    user_search: ActiveDirectoryUserSearch | None

class ActiveDirectoryUserSearch(TypedDict, total=False):
    base_dn: str | None
    filter: str | None
    scope: Literal["sub_tree", "one_level", "base"] | None

class AdminconsoleInfo(TypedDict, total=False):
    adminconsole_id: Required[str]

class AdminconsolesOverview(TypedDict, total=False):
    adminconsoles: Required[list[AdminconsoleInfo]]

class AllocatedInstancePlansInfo(TypedDict, total=False):
    pending: Required[bool]
    version: str | None
    zone_count: int | None

class AllocatedInstanceStatus(TypedDict, total=False):
    cluster_healthy: bool | None
    cluster_id: Required[str]
    cluster_name: str | None
    cluster_type: Required[Literal["elasticsearch", "kibana", "apm", "integrations_server", "appsearch", "enterprise_search"]]
    deployment_id: str | None
    healthy: bool | None
    instance_configuration_id: str | None
    instance_name: Required[str]
    moving: bool | None
    node_memory: Required[int]
    plans_info: AllocatedInstancePlansInfo | None

class AllocatorBuildInfo(TypedDict, total=False):
    commit_hash: str | None
    version: str | None

class AllocatorCapacity(TypedDict, total=False):
    additional_master_bonus: float | None
    available_cpus: int | None
    memory: Required[AllocatorCapacityMemory]
    storage: Required[AllocatorCapacityStorage]

class AllocatorCapacityMemory(TypedDict, total=False):
    total: Required[int]
    used: Required[int]

class AllocatorCapacityStorage(TypedDict, total=False):
    total: Required[int]

class AllocatorHealthChecks(TypedDict, total=False):
    has_instances: Required[bool]
    is_connected_to_zk: Required[bool]
    is_docker_healthy: Required[bool]

class AllocatorHealthStatus(TypedDict, total=False):
    connected: Required[bool]
    health_checks: AllocatorHealthChecks | None
    healthy: Required[bool]
    maintenance_mode: Required[bool]
    maintenance_mode_timestamp: str | None

class AllocatorInfo(TypedDict, total=False):
    allocator_id: Required[str]
    build_info: AllocatorBuildInfo | None
    capacity: Required[AllocatorCapacity]
    external_links: Required[list[ExternalHyperlink]]
    features: Required[list[str]]
    host_ip: Required[str]
    instances: Required[list[AllocatedInstanceStatus]]
    metadata: Required[list[MetadataItem]]
    public_hostname: Required[str]
    region: str | None
    settings: Required[AllocatorSettings]
    status: Required[AllocatorHealthStatus]
    zone_id: Required[str]

AllocatorMoveRequest = TypedDict('AllocatorMoveRequest', {
    'allocator_down': 'bool | None',
    'from': 'Required[str]',
    'to': 'list[str] | None',
}, total=False)

class AllocatorOverview(TypedDict, total=False):
    zones: Required[list[AllocatorZoneInfo]]

class AllocatorSettings(TypedDict, total=False):
    capacity: int | None

class AllocatorZoneInfo(TypedDict, total=False):
    allocators: Required[list[AllocatorInfo]]
    zone_id: Required[str]

class AllocatorsSummary(TypedDict, total=False):
    healthy: Required[bool]
    zone_summaries: Required[list[AllocatorsZoneSummary]]

class AllocatorsZoneSummary(TypedDict, total=False):
    connected_allocators: Required[int]
    connected_capacity: Required[int]
    disconnected_allocators: Required[int]
    healthy_allocators: Required[int]
    in_maintenance_allocators: Required[int]
    instances: Required[int]
    max_available_capacity: Required[int]
    total_allocators: Required[int]
    zone_id: Required[str]

class ApiBaseUrlData(TypedDict, total=False):
    value: Required[str]

class ApiKeyResponse(TypedDict, total=False):
    creation_date: Required[str]
    description: Required[str]
    expiration_date: str | None
    id: Required[str]
    key: str | None
    organization_id: str | None
    role_assignments: RoleAssignments | None
    user_id: str | None

class ApiKeysResponse(TypedDict, total=False):
    keys: Required[list[ApiKeyResponse]]

class Apm(TypedDict, total=False):
    backend_plan: Required[dict[str, Any]]
    display_name: Required[str]
    elasticsearch_cluster_ref_id: Required[str]
    ref_id: Required[str]

class ApmConfiguration(TypedDict, total=False):
    docker_image: str | None
    system_settings: ApmSystemSettings | None
    user_settings_json: dict[str, Any] | None
    user_settings_override_json: dict[str, Any] | None
    user_settings_override_yaml: str | None
    user_settings_yaml: str | None
    version: str | None

class ApmCrudResponse(TypedDict, total=False):
    apm_id: str | None
    diagnostics: dict[str, Any] | None
    secret_token: Required[str]

class ApmInfo(TypedDict, total=False):
    apm_server_mode: Literal["standalone", "managed"] | None
    deployment_id: str | None
    elasticsearch_cluster: Required[TargetElasticsearchCluster]
    external_links: Required[list[ExternalHyperlink]]
    healthy: Required[bool]
    id: Required[str]
    links: dict[str, Hyperlink] | None
    metadata: ClusterMetadataInfo | None
    name: Required[str]
    plan_info: Required[ApmPlansInfo]
    region: str | None
    settings: ApmSettings | None
    status: Required[Literal["initializing", "stopping", "stopped", "rebooting", "restarting", "reconfiguring", "started"]]
    topology: Required[ClusterTopologyInfo]

class ApmPayload(TypedDict, total=False):
    display_name: str | None
    elasticsearch_cluster_ref_id: Required[str]
    plan: Required[ApmPlan]
    ref_id: Required[str]
    region: Required[str]
    settings: ApmSettings | None

class ApmPlan(TypedDict, total=False):
    apm: Required[ApmConfiguration]
    cluster_topology: list[ApmTopologyElement] | None
    transient: TransientApmPlanConfiguration | None

class ApmPlanControlConfiguration(TypedDict, total=False):
    calm_wait_time: int | None
    cluster_reboot: Literal["forced"] | None
    extended_maintenance: bool | None
    move_allocators: list[AllocatorMoveRequest] | None
    move_instances: list[InstanceMoveRequest] | None
    override_failsafe: bool | None
    preferred_allocator_tags: dict[str, str] | None
    preferred_allocators: list[str] | None
    reallocate_instances: bool | None
    timeout: int | None

class ApmPlanInfo(TypedDict, total=False):
    attempt_end_time: str | None
    attempt_start_time: str | None
    error: ClusterPlanAttemptError | None
    healthy: Required[bool]
    plan: ApmPlan | None
    plan_attempt_id: str | None
    plan_attempt_log: Required[list[ClusterPlanStepInfo]]
    plan_attempt_name: str | None
    plan_end_time: str | None
    source: ChangeSourceInfo | None
    warnings: Required[list[ClusterPlanWarning]]

class ApmPlansInfo(TypedDict, total=False):
    current: ApmPlanInfo | None
    healthy: Required[bool]
    history: Required[list[ApmPlanInfo]]
    pending: ApmPlanInfo | None

class ApmResourceInfo(TypedDict, total=False):
    elasticsearch_cluster_ref_id: Required[str]
    id: Required[str]
    info: Required[ApmInfo]
    ref_id: Required[str]
    region: Required[str]

class ApmSettings(TypedDict, total=False):
    metadata: ClusterMetadataSettings | None

class ApmSubInfo(TypedDict, total=False):
    apm_id: Required[str]
    enabled: Required[bool]
    links: dict[str, Hyperlink] | None

class ApmSystemSettings(TypedDict, total=False):
    debug_enabled: bool | None
    elasticsearch_password: str | None
    elasticsearch_url: str | None
    elasticsearch_username: str | None
    kibana_url: str | None
    secret_token: str | None

class ApmTopologyElement(TypedDict, total=False):
    apm: ApmConfiguration | None
    instance_configuration_id: str | None
    instance_configuration_version: int | None
    size: TopologySize | None
    zone_count: int | None

class AppSearch(TypedDict, total=False):
    backend_plan: Required[dict[str, Any]]
    display_name: Required[str]
    elasticsearch_cluster_ref_id: Required[str]
    ref_id: Required[str]

class AppSearchConfiguration(TypedDict, total=False):
    docker_image: str | None
    system_settings: AppSearchSystemSettings | None
    user_settings_json: dict[str, Any] | None
    user_settings_override_json: dict[str, Any] | None
    user_settings_override_yaml: str | None
    user_settings_yaml: str | None
    version: str | None

class AppSearchInfo(TypedDict, total=False):
    deployment_id: str | None
    elasticsearch_cluster: Required[TargetElasticsearchCluster]
    external_links: Required[list[ExternalHyperlink]]
    healthy: Required[bool]
    id: Required[str]
    links: dict[str, Hyperlink] | None
    metadata: ClusterMetadataInfo | None
    name: Required[str]
    plan_info: Required[AppSearchPlansInfo]
    region: str | None
    settings: AppSearchSettings | None
    status: Required[Literal["initializing", "stopping", "stopped", "rebooting", "restarting", "reconfiguring", "started"]]
    topology: Required[ClusterTopologyInfo]

class AppSearchNodeTypes(TypedDict, total=False):
    appserver: Required[bool]
    worker: Required[bool]

class AppSearchPayload(TypedDict, total=False):
    display_name: str | None
    elasticsearch_cluster_ref_id: Required[str]
    plan: Required[AppSearchPlan]
    ref_id: Required[str]
    region: Required[str]
    settings: AppSearchSettings | None

class AppSearchPlan(TypedDict, total=False):
    appsearch: Required[AppSearchConfiguration]
    cluster_topology: list[AppSearchTopologyElement] | None
    transient: TransientAppSearchPlanConfiguration | None

class AppSearchPlanControlConfiguration(TypedDict, total=False):
    calm_wait_time: int | None
    cluster_reboot: Literal["forced"] | None
    extended_maintenance: bool | None
    move_allocators: list[AllocatorMoveRequest] | None
    move_instances: list[InstanceMoveRequest] | None
    override_failsafe: bool | None
    preferred_allocator_tags: dict[str, str] | None
    preferred_allocators: list[str] | None
    reallocate_instances: bool | None
    timeout: int | None

class AppSearchPlanInfo(TypedDict, total=False):
    attempt_end_time: str | None
    attempt_start_time: str | None
    error: ClusterPlanAttemptError | None
    healthy: Required[bool]
    plan: AppSearchPlan | None
    plan_attempt_id: str | None
    plan_attempt_log: Required[list[ClusterPlanStepInfo]]
    plan_attempt_name: str | None
    plan_end_time: str | None
    source: ChangeSourceInfo | None
    warnings: Required[list[ClusterPlanWarning]]

class AppSearchPlansInfo(TypedDict, total=False):
    current: AppSearchPlanInfo | None
    healthy: Required[bool]
    history: Required[list[AppSearchPlanInfo]]
    pending: AppSearchPlanInfo | None

class AppSearchResourceInfo(TypedDict, total=False):
    elasticsearch_cluster_ref_id: Required[str]
    id: Required[str]
    info: Required[AppSearchInfo]
    ref_id: Required[str]
    region: Required[str]

class AppSearchSettings(TypedDict, total=False):
    metadata: ClusterMetadataSettings | None

class AppSearchSubInfo(TypedDict, total=False):
    app_search_id: Required[str]
    enabled: Required[bool]
    links: dict[str, Hyperlink] | None

class AppSearchSystemSettings(TypedDict, total=False):
    elasticsearch_password: str | None
    elasticsearch_url: str | None
    elasticsearch_username: str | None
    secret_session_key: str | None

class AppSearchTopologyElement(TypedDict, total=False):
    appsearch: AppSearchConfiguration | None
    instance_configuration_id: str | None
    instance_configuration_version: int | None
    node_type: AppSearchNodeTypes | None
    size: TopologySize | None
    zone_count: int | None

class AuthenticationInfo(TypedDict, total=False):
    elevated_permissions_expire_at: str | None
    expires_at: str | None
    has_elevated_permissions: Required[bool]
    has_totp_device: bool | None
    refresh_token_url: Required[str]
    totp_device_source: str | None
    totp_device_source_enable_mfa_href: str | None

class AutoOpsSettings(TypedDict, total=False):
    status: Required[Literal["connected", "not_connected", "excluded"]]

AutodetectStrategyConfig: TypeAlias = dict[str, Any]

class AvailableAuthenticationMethods(TypedDict, total=False):
    openid: Required[bool]
    password: Required[bool]
    saml: Required[bool]
    sso_methods: Required[list[SsoAuthenticationMethodInfo]]

class Balance(TypedDict, total=False):
    available: Required[float]
    line_items: Required[list[SimplifiedLineItem]]
    remaining: Required[float]

class BasicFailedReply(TypedDict, total=False):
    errors: Required[list[BasicFailedReplyElement]]

class BasicFailedReplyElement(TypedDict, total=False):
    code: Required[str]
    fields: list[str] | None
    message: Required[str]

class Blessing(TypedDict, total=False):
    value: Required[bool]

class Blessings(TypedDict, total=False):
    runner_ids_to_blessing: Required[dict[str, Blessing]]

class BlessingsWithMeta(TypedDict, total=False):
    meta: Required[Metadata]
    value: Required[Blessings]

class BoolQuery(TypedDict, total=False):
    filter: list[QueryContainer] | None
    minimum_should_match: int | None
    must: list[QueryContainer] | None
    must_not: list[QueryContainer] | None
    should: list[QueryContainer] | None

class CapacityConstraintsResource(TypedDict, total=False):
    max: Required[int]
    min: Required[int]

class CertificateAuthority(TypedDict, total=False):
    public_certificates: Required[list[PublicCertificate]]
    recommended_trust_restriction: Required[str]

class CertificateMetaData(TypedDict, total=False):
    also_trusted_by: list[str] | None
    fingerprint: Required[str]
    valid_from: Required[str]
    valid_to: Required[str]

class ChainStatus(TypedDict, total=False):
    expiration_date: Required[str]
    first_certificate_to_expire: Required[str]

class ChangeSourceInfo(TypedDict, total=False):
    action: Required[str]
    admin_id: str | None
    date: Required[str]
    facilitator: Required[str]
    remote_addresses: list[str] | None
    user_id: str | None

class ChartItem(TypedDict, total=False):
    timestamp: Required[int]
    values: Required[list[ChartItemValue]]

class ChartItemValue(TypedDict, total=False):
    id: Required[str]
    name: Required[str]
    value: Required[float]

class ChartItems(TypedDict, total=False):
    data: Required[list[ChartItem]]

class ClusterCredentials(TypedDict, total=False):
    password: Required[str]
    username: Required[str]

class ClusterCurationSettings(TypedDict, total=False):
    specs: Required[list[ClusterCurationSpec]]

class ClusterCurationSpec(TypedDict, total=False):
    index_pattern: Required[str]
    trigger_interval_seconds: Required[int]

class ClusterInstanceConfigurationInfo(TypedDict, total=False):
    config_version: int | None
    id: Required[str]
    name: Required[str]
    resource: Required[Literal["memory", "storage"]]

class ClusterInstanceDiskInfo(TypedDict, total=False):
    disk_space_available: int | None
    disk_space_used: Required[int]
    storage_multiplier: Required[float]

class ClusterInstanceInfo(TypedDict, total=False):
    allocator_id: str | None
    container_started: Required[bool]
    disk: ClusterInstanceDiskInfo | None
    healthy: Required[bool]
    instance_configuration: ClusterInstanceConfigurationInfo | None
    instance_name: Required[str]
    instance_overrides: InstanceOverrides | None
    maintenance_mode: Required[bool]
    memory: ClusterInstanceMemoryInfo | None
    node_roles: list[Literal["master", "ingest", "ml", "data_hot", "data_content", "data_warm", "data_cold", "data_frozen", "remote_cluster_client", "transform", "voting_only"]] | None
    service_roles: list[str] | None
    service_running: Required[bool]
    service_version: str | None
    zone: str | None

class ClusterInstanceMemoryInfo(TypedDict, total=False):
    instance_capacity: Required[int]
    instance_capacity_planned: int | None
    memory_pressure: int | None
    native_memory_pressure: int | None

class ClusterLicenseInfo(TypedDict, total=False):
    license: Required[dict[str, Any]]

class ClusterMetadataCpuResourcesSettings(TypedDict, total=False):
    boost: bool | None
    hard_limit: bool | None

class ClusterMetadataInfo(TypedDict, total=False):
    aliased_endpoint: str | None
    aliased_url: str | None
    cloud_id: str | None
    endpoint: str | None
    last_modified: Required[str]
    ports: ClusterMetadataPortInfo | None
    raw: dict[str, Any] | None
    service_url: str | None
    services_urls: list[ServiceUrl] | None
    version: Required[int]

class ClusterMetadataPortInfo(TypedDict, total=False):
    http: Required[int]
    https: Required[int]
    transport_passthrough: Required[int]

class ClusterMetadataResourcesSettings(TypedDict, total=False):
    cpu: ClusterMetadataCpuResourcesSettings | None

class ClusterMetadataSettings(TypedDict, total=False):
    contact_email: str | None
    hidden: bool | None
    name: str | None
    organization_id: str | None
    owner_id: str | None
    resources: ClusterMetadataResourcesSettings | None
    subscription_level: str | None
    system_owned: bool | None

class ClusterPlanAttemptError(TypedDict, total=False):
    details: Required[dict[str, str]]
    failure_type: str | None
    message: Required[str]
    timestamp: Required[str]

class ClusterPlanStepInfo(TypedDict, total=False):
    completed: str | None
    duration_in_millis: int | None
    info_log: Required[list[ClusterPlanStepLogMessageInfo]]
    stage: Required[Literal["starting", "completed", "in_progress"]]
    started: Required[str]
    status: Required[Literal["success", "warning", "error", "pending"]]
    step_id: Required[str]

class ClusterPlanStepLogMessageInfo(TypedDict, total=False):
    delta_in_millis: int | None
    details: Required[dict[str, str]]
    failure_type: str | None
    internal_details: dict[str, str] | None
    message: Required[str]
    stage: Required[Literal["starting", "completed", "in_progress"]]
    timestamp: Required[str]

class ClusterPlanWarning(TypedDict, total=False):
    code: Required[str]
    message: Required[str]
    step_id: str | None

ClusterSnapshotRepositoryDefault: TypeAlias = dict[str, Any]

class ClusterSnapshotRepositoryInfo(TypedDict, total=False):
    default: ClusterSnapshotRepositoryDefault | None
    reference: ClusterSnapshotRepositoryReference | None
    static: ClusterSnapshotRepositoryStatic | None

class ClusterSnapshotRepositoryReference(TypedDict, total=False):
    repository_name: str | None

class ClusterSnapshotRepositoryStatic(TypedDict, total=False):
    repository_type: str | None
    settings: dict[str, Any] | None

class ClusterSnapshotRetention(TypedDict, total=False):
    max_age: str | None
    snapshots: int | None

class ClusterSnapshotSettings(TypedDict, total=False):
    cron_expression: str | None
    enabled: bool | None
    interval: str | None
    pending_interval: str | None
    repository: ClusterSnapshotRepositoryInfo | None
    retention: ClusterSnapshotRetention | None
    slm: bool | None
    suspended: list[str] | None
    wait_time_after_snapshotting: str | None

class ClusterSystemAlert(TypedDict, total=False):
    alert_type: Required[Literal["automatic_restart", "heap_dump", "unknown_event"]]
    exit_code: int | None
    instance_name: Required[str]
    timestamp: Required[str]
    url: str | None

class ClusterTopologyInfo(TypedDict, total=False):
    healthy: Required[bool]
    instances: Required[list[ClusterInstanceInfo]]

class Comment(TypedDict, total=False):
    id: Required[str]
    message: Required[str]
    user_id: Required[str]

class CommentCreateRequest(TypedDict, total=False):
    message: Required[str]

class CommentUpdateRequest(TypedDict, total=False):
    message: Required[str]

class CommentWithMeta(TypedDict, total=False):
    comment: Required[Comment]
    metadata: Required[Metadata]

class CommentsWithMetas(TypedDict, total=False):
    values: Required[list[CommentWithMeta]]

class CommonClusterPlanInfo(TypedDict, total=False):
    attempt_end_time: str | None
    attempt_start_time: str | None
    error: ClusterPlanAttemptError | None
    healthy: Required[bool]
    plan: dict[str, Any] | None
    plan_attempt_id: str | None
    plan_attempt_log: Required[list[ClusterPlanStepInfo]]
    plan_attempt_name: str | None
    plan_end_time: str | None
    source: ChangeSourceInfo | None
    warnings: Required[list[ClusterPlanWarning]]

class CompatibleNodeTypesResource(TypedDict, total=False):
    capacity_constraints: CapacityConstraintsResource | None
    compatible_node_types: Required[list[str]]
    node_type: Required[str]

class CompatibleVersionResource(TypedDict, total=False):
    capacity_constraints: CapacityConstraintsResource | None
    node_types: Required[list[CompatibleNodeTypesResource]]
    version: Required[str]

class ConfigStoreOption(TypedDict, total=False):
    changed: Required[bool]
    name: Required[str]
    value: Required[str]

class ConfigStoreOptionData(TypedDict, total=False):
    value: Required[str]

class ConfigStoreOptionList(TypedDict, total=False):
    values: Required[list[ConfigStoreOption]]

class ConstructorHealthStatus(TypedDict, total=False):
    connected: Required[bool]
    maintenance_mode: Required[bool]

class ConstructorInfo(TypedDict, total=False):
    constructor_id: Required[str]
    status: Required[ConstructorHealthStatus]

class ConstructorOverview(TypedDict, total=False):
    constructors: Required[list[ConstructorInfo]]

class ContainerConfigHostConfig(TypedDict, total=False):
    binds: Required[list[str]]
    cpu_period: int | None
    extra_hosts: Required[list[str]]
    network_mode: str | None
    port_bindings: Required[dict[str, list[PortBinding]]]
    privileged: Required[bool]
    restart_policy: RestartPolicy | None

class ContainerSetSummary(TypedDict, total=False):
    container_set_id: Required[str]
    containers_created_count: Required[int]
    containers_expected_running_count: Required[int]
    containers_running_count: Required[int]
    containers_started_count: Required[int]
    healthy: Required[bool]
    hidden: Required[bool]

class ContainerSetsSummary(TypedDict, total=False):
    healthy: Required[bool]
    healthy_container_sets_count: Required[int]
    unhealthy_container_sets: Required[list[ContainerSetSummary]]
    unhealthy_container_sets_count: Required[int]

class ContainersEntry(TypedDict, total=False):
    container_set_name: Required[str]
    kind: Required[str]
    name: Required[str]
    options: Required[ContainersEntryOptions]

class ContainersEntryOptions(TypedDict, total=False):
    acls: Required[list[ContainersEntryOptionsACL]]
    auths: Required[list[ContainersEntryOptionsAuth]]
    container_set_secret: str | None
    enabled: Required[bool]
    enabled_by_named_feature_flag: str | None
    overrides: ContainersEntryOptionsOverrides | None
    runners_secret: str | None

class ContainersEntryOptionsACL(TypedDict, total=False):
    id: Required[str]
    perms: Required[int]
    scheme: Required[str]

class ContainersEntryOptionsAuth(TypedDict, total=False):
    auth: Required[str]
    scheme: Required[str]

class ContainersEntryOptionsContainerConfig(TypedDict, total=False):
    env: Required[list[str]]
    host_config: ContainerConfigHostConfig | None

class ContainersEntryOptionsOverrides(TypedDict, total=False):
    container_config: ContainersEntryOptionsContainerConfig | None

class CoordinatorCandidateInfo(TypedDict, total=False):
    acl: Required[ZkAcl]
    attributes: Required[dict[str, str]]
    id: int | None
    name: Required[str]
    public_hostname: Required[str]
    state: Required[Literal["accepted", "pending"]]

class CoordinatorCandidatesSummary(TypedDict, total=False):
    candidates: Required[list[CoordinatorCandidateInfo]]

class CoordinatorSummary(TypedDict, total=False):
    attributes: Required[dict[str, str]]
    client_port: Required[int]
    election_port: Required[int]
    leader_port: Required[int]
    name: Required[str]
    public_hostname: Required[str]

class CoordinatorsSummary(TypedDict, total=False):
    coordinators: Required[list[CoordinatorSummary]]

class Costs(TypedDict, total=False):
    dimensions: Required[list[Dimension]]
    total: Required[float]

class CostsOverview(TypedDict, total=False):
    balance: Balance | None
    costs: Required[Costs]
    hourly_rate: Required[float]
    trials: Required[float]

class CreateApiKeyRequest(TypedDict, total=False):
    description: Required[str]
    expiration: str | None
    role_assignments: RoleAssignments | None

class CreateExtensionRequest(TypedDict, total=False):
    description: str | None
    download_url: str | None
    extension_type: Required[Literal["plugin", "bundle"]]
    name: Required[str]
    version: Required[str]

class Creates(TypedDict, total=False):
    apm: list[Apm] | None
    appsearch: list[AppSearch] | None
    elasticsearch: list[Elasticsearch] | None
    enterprise_search: list[EnterpriseSearch] | None
    integrations_server: list[IntegrationsServer] | None
    kibana: list[Kibana] | None

class DeleteApiKeysRequest(TypedDict, total=False):
    keys: Required[list[str]]

class DeleteUsersApiKeysRequest(TypedDict, total=False):
    user_api_keys: Required[list[UserApiKey]]

class DeploymentCosts(TypedDict, total=False):
    costs: Required[Costs]
    deployment_id: Required[str]
    deployment_name: Required[str]
    hourly_rate: Required[float]
    period: Period | None

class DeploymentCreateMetadata(TypedDict, total=False):
    system_owned: bool | None
    tags: list[MetadataItem] | None

class DeploymentCreateRequest(TypedDict, total=False):
    alias: str | None
    metadata: DeploymentCreateMetadata | None
    name: str | None
    region: str | None
    resources: DeploymentCreateResources | None
    settings: DeploymentCreateSettings | None
    version: str | None

class DeploymentCreateResources(TypedDict, total=False):
    apm: list[ApmPayload] | None
    appsearch: list[AppSearchPayload] | None
    elasticsearch: list[ElasticsearchPayload] | None
    enterprise_search: list[EnterpriseSearchPayload] | None
    integrations_server: list[IntegrationsServerPayload] | None
    kibana: list[KibanaPayload] | None

class DeploymentCreateResponse(TypedDict, total=False):
    alias: str | None
    created: Required[bool]
    diagnostics: DeploymentDiagnostics | None
    id: Required[str]
    name: Required[str]
    resources: Required[list[DeploymentResource]]

class DeploymentCreateSettings(TypedDict, total=False):
    autoscaling_enabled: bool | None
    observability: DeploymentObservabilitySettings | None
    traffic_filter_settings: TrafficFilterSettings | None

class DeploymentDeleteResponse(TypedDict, total=False):
    id: Required[str]
    name: Required[str]
    orphaned: Orphaned | None

class DeploymentDiagnostics(TypedDict, total=False):
    creates: Creates | None
    updates: Updates | None

class DeploymentDomainName(TypedDict, total=False):
    value: Required[str]

class DeploymentGetResponse(TypedDict, total=False):
    alias: str | None
    healthy: Required[bool]
    id: Required[str]
    instance_configurations: list[InstanceConfigurationInfo] | None
    metadata: DeploymentMetadata | None
    name: Required[str]
    observability: DeploymentObservability | None
    resources: Required[DeploymentResources]
    settings: DeploymentSettings | None

class DeploymentHeapDumps(TypedDict, total=False):
    elasticsearch: Required[list[ResourceHeapDumps]]
    enterprise_search: Required[list[ResourceHeapDumps]]

class DeploymentLogging(TypedDict, total=False):
    healthy: Required[bool]
    issues: list[ObservabilityIssue] | None
    urls: dict[str, str] | None

class DeploymentLoggingSettings(TypedDict, total=False):
    destination: Required[ObservabilityAbsoluteDeployment]

class DeploymentMetadata(TypedDict, total=False):
    byok_enabled: bool | None
    hidden: bool | None
    last_modified: Required[str]
    last_resource_plan_modified: str | None
    organization_id: str | None
    owner_id: str | None
    subscription_level: str | None
    system_owned: bool | None
    tags: list[MetadataItem] | None

class DeploymentMetrics(TypedDict, total=False):
    healthy: Required[bool]
    issues: list[ObservabilityIssue] | None
    urls: dict[str, str] | None

class DeploymentMetricsSettings(TypedDict, total=False):
    destination: Required[ObservabilityAbsoluteDeployment]
    force_legacy_monitoring: bool | None

class DeploymentObservability(TypedDict, total=False):
    healthy: Required[bool]
    issues: list[ObservabilityIssue] | None
    logging: DeploymentLogging | None
    metrics: DeploymentMetrics | None

class DeploymentObservabilitySettings(TypedDict, total=False):
    logging: DeploymentLoggingSettings | None
    metrics: DeploymentMetricsSettings | None

class DeploymentResource(TypedDict, total=False):
    cloud_id: str | None
    credentials: ClusterCredentials | None
    elasticsearch_cluster_ref_id: str | None
    id: Required[str]
    kind: Required[str]
    ref_id: Required[str]
    region: Required[str]
    secret_token: str | None
    warnings: list[ReplyWarning] | None

class DeploymentResourceCommandResponse(TypedDict, total=False):
    warnings: list[ReplyWarning] | None

class DeploymentResourceCrudResponse(TypedDict, total=False):
    id: Required[str]
    kind: Required[str]
    ref_id: Required[str]

class DeploymentResourceUpgradeResponse(TypedDict, total=False):
    resource_id: Required[str]
    stack_version: Required[str]

class DeploymentResources(TypedDict, total=False):
    apm: Required[list[ApmResourceInfo]]
    appsearch: Required[list[AppSearchResourceInfo]]
    elasticsearch: Required[list[ElasticsearchResourceInfo]]
    enterprise_search: Required[list[EnterpriseSearchResourceInfo]]
    integrations_server: Required[list[IntegrationsServerResourceInfo]]
    kibana: Required[list[KibanaResourceInfo]]

class DeploymentRestoreResponse(TypedDict, total=False):
    id: Required[str]

class DeploymentRoleAssignment(TypedDict, total=False):
    all: bool | None
    application_roles: list[str] | None
    deployment_ids: list[str] | None
    organization_id: Required[str]
    role_id: Required[str]

class DeploymentSearchResponse(TypedDict, total=False):
    alias: str | None
    healthy: Required[bool]
    id: Required[str]
    metadata: DeploymentMetadata | None
    name: Required[str]
    resources: Required[DeploymentResources]
    settings: DeploymentSettings | None

class DeploymentSettings(TypedDict, total=False):
    auto_ops: Required[AutoOpsSettings]
    autoscaling_enabled: bool | None
    observability: DeploymentObservabilitySettings | None
    traffic_filter_settings: TrafficFilterSettings | None

class DeploymentShutdownResponse(TypedDict, total=False):
    id: Required[str]
    name: Required[str]
    orphaned: Orphaned | None

class DeploymentTemplateInfoV2(TypedDict, total=False):
    deployment_template: Required[DeploymentCreateRequest]
    description: str | None
    hidden: bool | None
    id: Required[str]
    instance_configurations: Required[list[InstanceConfigurationInfo]]
    kibana_deeplink: list[KibanaDeeplink] | None
    metadata: list[MetadataItem] | None
    min_version: str | None
    name: Required[str]
    order: int | None
    source: ChangeSourceInfo | None
    system_owned: bool | None
    template_category_id: str | None

class DeploymentTemplateReference(TypedDict, total=False):
    id: Required[str]
    version: str | None

class DeploymentTemplateRequestBody(TypedDict, total=False):
    deployment_template: Required[DeploymentCreateRequest]
    description: str | None
    hidden: bool | None
    kibana_deeplink: list[KibanaDeeplink] | None
    metadata: list[MetadataItem] | None
    min_version: str | None
    name: Required[str]
    order: int | None
    system_owned: bool | None
    template_category_id: str | None

class DeploymentUpdateMetadata(TypedDict, total=False):
    hidden: bool | None
    system_owned: bool | None
    tags: list[MetadataItem] | None

class DeploymentUpdateRequest(TypedDict, total=False):
    alias: str | None
    metadata: DeploymentUpdateMetadata | None
    name: str | None
    prune_orphans: Required[bool]
    resources: DeploymentUpdateResources | None
    settings: DeploymentUpdateSettings | None

class DeploymentUpdateResources(TypedDict, total=False):
    apm: list[ApmPayload] | None
    appsearch: list[AppSearchPayload] | None
    elasticsearch: list[ElasticsearchPayload] | None
    enterprise_search: list[EnterpriseSearchPayload] | None
    integrations_server: list[IntegrationsServerPayload] | None
    kibana: list[KibanaPayload] | None

class DeploymentUpdateResponse(TypedDict, total=False):
    alias: str | None
    diagnostics: DeploymentDiagnostics | None
    id: Required[str]
    name: Required[str]
    resources: Required[list[DeploymentResource]]
    settings: DeploymentSettings | None
    shutdown_resources: Orphaned | None

class DeploymentUpdateSettings(TypedDict, total=False):
    auto_ops: AutoOpsSettings | None
    autoscaling_enabled: bool | None
    observability: DeploymentObservabilitySettings | None

class DeploymentUpgradeAssistantStatusResponse(TypedDict, total=False):
    details: Required[str]
    ready_for_upgrade: Required[bool]

class DeploymentsCosts(TypedDict, total=False):
    deployments: Required[list[DeploymentCosts]]
    total_cost: Required[float]

class DeploymentsListResponse(TypedDict, total=False):
    deployments: Required[list[DeploymentsListingData]]

class DeploymentsListingData(TypedDict, total=False):
    id: Required[str]
    name: Required[str]
    resources: Required[list[DeploymentResource]]

class DeploymentsSearchResponse(TypedDict, total=False):
    cursor: str | None
    deployments: Required[list[DeploymentSearchResponse]]
    match_count: int | None
    minimal_metadata: list[dict[str, Any]] | None
    return_count: Required[int]

class Dimension(TypedDict, total=False):
    cost: Required[float]
    type: Required[Literal["capacity", "data_in", "data_internode", "data_out", "storage_api", "storage_bytes"]]

class DirectTrustRelationship(TypedDict, total=False):
    additional_node_names: list[str] | None
    certificates: Required[list[TrustedCertificate]]
    name: Required[str]
    scope_id: str | None
    trust_all: Required[bool]
    trust_allowlist: list[str] | None
    type: Literal["ECE", "ESS", "generic", "proxy"] | None
    uid: str | None

class DiscreteSizes(TypedDict, total=False):
    default_size: int | None
    resource: Literal["memory", "storage"] | None
    sizes: Required[list[int]]

class DtsDimensionCosts(TypedDict, total=False):
    cost: Required[float]
    name: Required[str]
    quantity: Required[DtsQuantity]
    rate: Required[DtsRate]
    sku: Required[str]
    type: Required[str]

class DtsQuantity(TypedDict, total=False):
    formatted_value: Required[str]
    value: Required[int]

class DtsRate(TypedDict, total=False):
    formatted_value: Required[str]
    value: Required[float]

class Elasticsearch(TypedDict, total=False):
    backend_plan: Required[dict[str, Any]]
    display_name: Required[str]
    ref_id: Required[str]

class ElasticsearchBlockingIssueElement(TypedDict, total=False):
    description: Required[str]
    level: Required[Literal["index", "global"]]

class ElasticsearchBlockingIssues(TypedDict, total=False):
    blocks: Required[list[ElasticsearchBlockingIssueElement]]
    healthy: Required[bool]

class ElasticsearchClusterBlockingIssueElement(TypedDict, total=False):
    description: Required[str]
    instances: Required[list[str]]

class ElasticsearchClusterBlockingIssues(TypedDict, total=False):
    cluster_level: Required[list[ElasticsearchClusterBlockingIssueElement]]
    healthy: Required[bool]
    index_level: Required[list[ElasticsearchClusterBlockingIssueElement]]

class ElasticsearchClusterInfo(TypedDict, total=False):
    associated_apm_clusters: Required[list[ApmSubInfo]]
    associated_appsearch_clusters: Required[list[AppSearchSubInfo]]
    associated_enterprise_search_clusters: Required[list[EnterpriseSearchSubInfo]]
    associated_kibana_clusters: Required[list[KibanaSubClusterInfo]]
    cluster_id: Required[str]
    cluster_name: Required[str]
    deployment_id: str | None
    elasticsearch: Required[ElasticsearchInfo]
    elasticsearch_monitoring_info: ElasticsearchMonitoringInfo | None
    external_links: Required[list[ExternalHyperlink]]
    healthy: Required[bool]
    links: dict[str, Hyperlink] | None
    locked: bool | None
    metadata: Required[ClusterMetadataInfo]
    plan_info: Required[ElasticsearchClusterPlansInfo]
    region: str | None
    security: ElasticsearchClusterSecurityInfo | None
    settings: ElasticsearchClusterSettings | None
    snapshots: Required[SnapshotStatusInfo]
    status: Required[Literal["initializing", "stopping", "stopped", "rebooting", "restarting", "reconfiguring", "started"]]
    system_alerts: list[ClusterSystemAlert] | None
    topology: Required[ClusterTopologyInfo]

class ElasticsearchClusterPlan(TypedDict, total=False):
    autoscaling_enabled: bool | None
    cluster_topology: Required[list[ElasticsearchClusterTopologyElement]]
    deployment_template: DeploymentTemplateReference | None
    elasticsearch: Required[ElasticsearchConfiguration]
    transient: TransientElasticsearchPlanConfiguration | None

class ElasticsearchClusterPlanInfo(TypedDict, total=False):
    attempt_end_time: str | None
    attempt_start_time: str | None
    error: ClusterPlanAttemptError | None
    healthy: Required[bool]
    plan: ElasticsearchClusterPlan | None
    plan_attempt_id: str | None
    plan_attempt_log: Required[list[ClusterPlanStepInfo]]
    plan_attempt_name: str | None
    plan_end_time: str | None
    source: ChangeSourceInfo | None
    warnings: Required[list[ClusterPlanWarning]]

class ElasticsearchClusterPlansInfo(TypedDict, total=False):
    current: ElasticsearchClusterPlanInfo | None
    healthy: Required[bool]
    history: Required[list[ElasticsearchClusterPlanInfo]]
    pending: ElasticsearchClusterPlanInfo | None

class ElasticsearchClusterRole(TypedDict, total=False):
    roles: Required[list[str]]
    username: Required[str]

class ElasticsearchClusterSecurityInfo(TypedDict, total=False):
    last_modified: Required[str]
    roles: Required[dict[str, Any]]
    users: Required[list[ElasticsearchClusterUser]]
    users_roles: Required[list[ElasticsearchClusterRole]]
    version: Required[int]

class ElasticsearchClusterSettings(TypedDict, total=False):
    curation: ClusterCurationSettings | None
    dedicated_masters_threshold: int | None
    keystore_contents: KeystoreContents | None
    metadata: ClusterMetadataSettings | None
    monitoring: ManagedMonitoringSettings | None
    snapshot: ClusterSnapshotSettings | None
    traffic_filter: TrafficFilterSettings | None
    trust: ElasticsearchClusterTrustSettings | None

class ElasticsearchClusterTopologyElement(TypedDict, total=False):
    autoscaling_max: TopologySize | None
    autoscaling_min: TopologySize | None
    autoscaling_policy_override_json: dict[str, Any] | None
    autoscaling_tier_override: bool | None
    elasticsearch: ElasticsearchConfiguration | None
    id: str | None
    instance_configuration_id: str | None
    instance_configuration_version: int | None
    memory_per_node: int | None
    node_count_per_zone: int | None
    node_roles: list[Literal["master", "ingest", "ml", "data_hot", "data_content", "data_warm", "data_cold", "data_frozen", "remote_cluster_client", "transform"]] | None
    node_type: ElasticsearchNodeType | None
    size: TopologySize | None
    topology_element_control: TopologyElementControl | None
    zone_count: int | None

class ElasticsearchClusterTrustSettings(TypedDict, total=False):
    accounts: list[AccountTrustRelationship] | None
    direct: list[DirectTrustRelationship] | None
    external: list[ExternalTrustRelationship] | None

class ElasticsearchClusterUser(TypedDict, total=False):
    password_hash: Required[str]
    username: Required[str]

class ElasticsearchConfiguration(TypedDict, total=False):
    curation: ElasticsearchCuration | None
    docker_image: str | None
    enabled_built_in_plugins: list[str] | None
    node_attributes: dict[str, str] | None
    system_settings: ElasticsearchSystemSettings | None
    user_bundles: list[ElasticsearchUserBundle] | None
    user_plugins: list[ElasticsearchUserPlugin] | None
    user_settings_json: dict[str, Any] | None
    user_settings_override_json: dict[str, Any] | None
    user_settings_override_yaml: str | None
    user_settings_yaml: str | None
    version: str | None

class ElasticsearchCuration(TypedDict, total=False):
    from_instance_configuration_id: Required[str]
    to_instance_configuration_id: Required[str]

class ElasticsearchDependant(TypedDict, total=False):
    id: Required[str]
    kind: Required[str]

class ElasticsearchElasticUserPasswordResetResponse(TypedDict, total=False):
    password: Required[str]
    username: Required[str]

class ElasticsearchInfo(TypedDict, total=False):
    blocking_issues: Required[ElasticsearchClusterBlockingIssues]
    cluster_blocking_issues: ElasticsearchBlockingIssues | None
    healthy: Required[bool]
    master_info: Required[ElasticsearchMasterInfo]
    shard_info: Required[ElasticsearchShardsInfo]
    shards_status: ElasticsearchShardsStatus | None

class ElasticsearchMasterElement(TypedDict, total=False):
    instances: Required[list[str]]
    master_instance_name: str | None
    master_node_id: Required[str]

class ElasticsearchMasterInfo(TypedDict, total=False):
    healthy: Required[bool]
    instances_with_no_master: Required[list[str]]
    masters: Required[list[ElasticsearchMasterElement]]

class ElasticsearchMonitoringInfo(TypedDict, total=False):
    destination_cluster_ids: Required[list[str]]
    healthy: Required[bool]
    last_modified: Required[str]
    last_update_status: Required[str]
    source_cluster_ids: Required[list[str]]

class ElasticsearchNodeType(TypedDict, total=False):
    data: bool | None
    ingest: bool | None
    master: bool | None
    ml: bool | None

class ElasticsearchPayload(TypedDict, total=False):
    display_name: str | None
    plan: Required[ElasticsearchClusterPlan]
    ref_id: Required[str]
    region: Required[str]
    settings: ElasticsearchClusterSettings | None

class ElasticsearchPlanControlConfiguration(TypedDict, total=False):
    calm_wait_time: int | None
    cluster_reboot: Literal["forced"] | None
    extended_maintenance: bool | None
    max_snapshot_age: int | None
    max_snapshot_attempts: int | None
    move_allocators: list[AllocatorMoveRequest] | None
    move_instances: list[InstanceMoveRequest] | None
    move_only: bool | None
    override_failsafe: bool | None
    preferred_allocator_tags: dict[str, str] | None
    preferred_allocators: list[str] | None
    reallocate_instances: bool | None
    skip_data_migration: bool | None
    skip_post_upgrade_steps: bool | None
    skip_snapshot: bool | None
    skip_snapshot_post_major_upgrade: bool | None
    skip_upgrade_checker: bool | None
    timeout: int | None

class ElasticsearchReplicaElement(TypedDict, total=False):
    instance_name: Required[str]
    replica_count: Required[int]

class ElasticsearchResourceInfo(TypedDict, total=False):
    id: Required[str]
    info: Required[ElasticsearchClusterInfo]
    ref_id: Required[str]
    region: Required[str]

class ElasticsearchScriptTypeSettings(TypedDict, total=False):
    enabled: bool | None
    sandbox_mode: bool | None

class ElasticsearchScriptingUserSettings(TypedDict, total=False):
    expressions_enabled: bool | None
    file: ElasticsearchScriptTypeSettings | None
    inline: ElasticsearchScriptTypeSettings | None
    mustache_enabled: bool | None
    painless_enabled: bool | None
    stored: ElasticsearchScriptTypeSettings | None

class ElasticsearchShardElement(TypedDict, total=False):
    instance_name: Required[str]
    shard_count: Required[int]

class ElasticsearchShardsInfo(TypedDict, total=False):
    available_shards: Required[list[ElasticsearchShardElement]]
    healthy: Required[bool]
    unavailable_replicas: Required[list[ElasticsearchReplicaElement]]
    unavailable_shards: Required[list[ElasticsearchShardElement]]

class ElasticsearchShardsStatus(TypedDict, total=False):
    status: Required[Literal["green", "red", "yellow"]]

class ElasticsearchSystemSettings(TypedDict, total=False):
    auto_create_index: bool | None
    default_shards_per_index: int | None
    destructive_requires_name: bool | None
    enable_close_index: bool | None
    monitoring_collection_interval: int | None
    monitoring_history_duration: str | None
    reindex_whitelist: list[str] | None
    scripting: ElasticsearchScriptingUserSettings | None
    watcher_trigger_engine: str | None

class ElasticsearchUserBundle(TypedDict, total=False):
    elasticsearch_version: Required[str]
    name: Required[str]
    url: Required[str]

class ElasticsearchUserPlugin(TypedDict, total=False):
    elasticsearch_version: Required[str]
    name: Required[str]
    url: Required[str]

class ElevatedPermissions(TypedDict, total=False):
    enabled: Required[bool]
    expires_at: str | None

EmptyResponse: TypeAlias = dict[str, Any]

class EnableIlmRequest(TypedDict, total=False):
    index_patterns: Required[list[IndexPattern]]

class EnrollmentTokenRequest(TypedDict, total=False):
    persistent: Required[bool]
    roles: list[str] | None
    validity_in_seconds: int | None

class EnterpriseSearch(TypedDict, total=False):
    backend_plan: Required[dict[str, Any]]
    display_name: Required[str]
    elasticsearch_cluster_ref_id: Required[str]
    ref_id: Required[str]

class EnterpriseSearchConfiguration(TypedDict, total=False):
    docker_image: str | None
    system_settings: EnterpriseSearchSystemSettings | None
    user_settings_json: dict[str, Any] | None
    user_settings_override_json: dict[str, Any] | None
    user_settings_override_yaml: str | None
    user_settings_yaml: str | None
    version: str | None

class EnterpriseSearchInfo(TypedDict, total=False):
    deployment_id: str | None
    elasticsearch_cluster: Required[TargetElasticsearchCluster]
    external_links: Required[list[ExternalHyperlink]]
    healthy: Required[bool]
    id: Required[str]
    links: dict[str, Hyperlink] | None
    metadata: ClusterMetadataInfo | None
    name: Required[str]
    plan_info: Required[EnterpriseSearchPlansInfo]
    region: str | None
    settings: EnterpriseSearchSettings | None
    status: Required[Literal["initializing", "stopping", "stopped", "rebooting", "restarting", "reconfiguring", "started"]]
    topology: Required[ClusterTopologyInfo]

class EnterpriseSearchNodeTypes(TypedDict, total=False):
    appserver: Required[bool]
    connector: Required[bool]
    worker: Required[bool]

class EnterpriseSearchPayload(TypedDict, total=False):
    display_name: str | None
    elasticsearch_cluster_ref_id: Required[str]
    plan: Required[EnterpriseSearchPlan]
    ref_id: Required[str]
    region: Required[str]
    settings: EnterpriseSearchSettings | None

class EnterpriseSearchPlan(TypedDict, total=False):
    cluster_topology: list[EnterpriseSearchTopologyElement] | None
    enterprise_search: Required[EnterpriseSearchConfiguration]
    transient: TransientEnterpriseSearchPlanConfiguration | None

class EnterpriseSearchPlanControlConfiguration(TypedDict, total=False):
    calm_wait_time: int | None
    cluster_reboot: Literal["forced"] | None
    extended_maintenance: bool | None
    move_allocators: list[AllocatorMoveRequest] | None
    move_instances: list[InstanceMoveRequest] | None
    override_failsafe: bool | None
    preferred_allocator_tags: dict[str, str] | None
    preferred_allocators: list[str] | None
    reallocate_instances: bool | None
    timeout: int | None

class EnterpriseSearchPlanInfo(TypedDict, total=False):
    attempt_end_time: str | None
    attempt_start_time: str | None
    error: ClusterPlanAttemptError | None
    healthy: Required[bool]
    plan: EnterpriseSearchPlan | None
    plan_attempt_id: str | None
    plan_attempt_log: Required[list[ClusterPlanStepInfo]]
    plan_attempt_name: str | None
    plan_end_time: str | None
    source: ChangeSourceInfo | None
    warnings: Required[list[ClusterPlanWarning]]

class EnterpriseSearchPlansInfo(TypedDict, total=False):
    current: EnterpriseSearchPlanInfo | None
    healthy: Required[bool]
    history: Required[list[EnterpriseSearchPlanInfo]]
    pending: EnterpriseSearchPlanInfo | None

class EnterpriseSearchResourceInfo(TypedDict, total=False):
    elasticsearch_cluster_ref_id: Required[str]
    id: Required[str]
    info: Required[EnterpriseSearchInfo]
    ref_id: Required[str]
    region: Required[str]

class EnterpriseSearchSettings(TypedDict, total=False):
    metadata: ClusterMetadataSettings | None

class EnterpriseSearchSubInfo(TypedDict, total=False):
    enabled: Required[bool]
    enterprise_search_id: Required[str]
    links: dict[str, Hyperlink] | None

class EnterpriseSearchSystemSettings(TypedDict, total=False):
    elasticsearch_password: str | None
    elasticsearch_url: str | None
    elasticsearch_username: str | None
    secret_session_key: str | None

class EnterpriseSearchTopologyElement(TypedDict, total=False):
    allocator_filter: dict[str, Any] | None
    enterprise_search: EnterpriseSearchConfiguration | None
    instance_configuration_id: str | None
    instance_configuration_version: int | None
    memory_per_node: dict[str, Any] | None
    node_configuration: str | None
    node_count_per_zone: dict[str, Any] | None
    node_type: EnterpriseSearchNodeTypes | None
    size: TopologySize | None
    zone_count: int | None

class ExistsQuery(TypedDict, total=False):
    field: Required[str]

class Extension(TypedDict, total=False):
    deployments: list[str] | None
    description: str | None
    download_url: str | None
    extension_type: Required[Literal["plugin", "bundle"]]
    file_metadata: ExtensionFileMetadata | None
    id: Required[str]
    name: Required[str]
    url: Required[str]
    version: Required[str]

class ExtensionFileMetadata(TypedDict, total=False):
    last_modified_date: str | None
    size: int | None
    url: str | None

class Extensions(TypedDict, total=False):
    extensions: Required[list[Extension]]

class ExternalHyperlink(TypedDict, total=False):
    id: Required[str]
    label: Required[str]
    uri: str | None

class ExternalTrustRelationship(TypedDict, total=False):
    name: str | None
    trust_all: Required[bool]
    trust_allowlist: list[str] | None
    trust_relationship_id: Required[str]

class FilterAssociation(TypedDict, total=False):
    entity_type: Required[str]
    id: Required[str]

class GenericResponse(TypedDict, total=False):
    value: Required[str]

class GlobalDeploymentTemplateInfo(TypedDict, total=False):
    description: Required[str]
    metadata: list[MetadataItem] | None
    name: Required[str]
    order: Required[int]
    regions: Required[list[GlobalDeploymentTemplateRegion]]
    template_category_id: str | None

class GlobalDeploymentTemplateRegion(TypedDict, total=False):
    deployment_template_id: Required[str]
    kibana_deeplink: list[KibanaDeeplink] | None
    region_id: Required[str]
    versions: Required[list[str]]

GrowShrinkStrategyConfig: TypeAlias = dict[str, Any]

class HeapDump(TypedDict, total=False):
    captured: Required[str]
    error: str | None
    instance_id: Required[str]
    size: int | None
    status: Required[str]
    type: Required[str]

class Hyperlink(TypedDict, total=False):
    need_elevated_permissions: bool | None

class IdResponse(TypedDict, total=False):
    id: Required[str]

class IndexPattern(TypedDict, total=False):
    index_pattern: Required[str]
    node_attributes: dict[str, str] | None
    policy_name: Required[str]

class IndexSynchronizationResults(TypedDict, total=False):
    created: Required[list[str]]
    deleted: Required[list[str]]
    errors: Required[list[str]]
    updated: Required[list[str]]

class InstanceConfiguration(TypedDict, total=False):
    allocator_filter: QueryContainer | None
    allowed_zones: list[str] | None
    config_version: int | None
    cpu_multiplier: float | None
    deleted_on: str | None
    description: str | None
    discrete_sizes: Required[DiscreteSizes]
    id: str | None
    instance_type: Literal["elasticsearch", "kibana", "apm", "integrations_server", "appsearch", "enterprise_search"] | None
    max_zones: int | None
    metadata: dict[str, Any] | None
    name: Required[str]
    node_types: list[str] | None
    storage_multiplier: float | None
    system_owned: bool | None

class InstanceConfigurationInfo(TypedDict, total=False):
    config_version: int | None
    cpu_multiplier: float | None
    description: str | None
    discrete_sizes: Required[DiscreteSizes]
    id: str | None
    instance_type: Literal["elasticsearch", "kibana", "apm", "integrations_server", "appsearch", "enterprise_search"] | None
    max_zones: int | None
    metadata: dict[str, Any] | None
    name: Required[str]
    node_types: list[str] | None
    storage_multiplier: float | None

InstanceMoveRequest = TypedDict('InstanceMoveRequest', {
    'from': 'Required[str]',
    'instance_down': 'bool | None',
    'to': 'list[str] | None',
}, total=False)

class InstanceOverrides(TypedDict, total=False):
    capacity: int | None
    storage_multiplier: float | None

class InstanceTypeResource(TypedDict, total=False):
    compatibility: Required[list[CompatibleVersionResource]]
    default_instance_configuration_id: str | None
    description: Required[str]
    instance_type: Required[Literal["elasticsearch", "kibana", "apm", "integrations_server", "appsearch", "enterprise_search"]]
    name: Required[str]
    node_types: Required[list[NodeTypeResource]]

class IntegrationsServer(TypedDict, total=False):
    backend_plan: Required[dict[str, Any]]
    display_name: Required[str]
    elasticsearch_cluster_ref_id: Required[str]
    ref_id: Required[str]

class IntegrationsServerConfiguration(TypedDict, total=False):
    docker_image: str | None
    mode: Literal["standalone", "managed"] | None
    system_settings: IntegrationsServerSystemSettings | None
    user_settings_json: dict[str, Any] | None
    user_settings_override_json: dict[str, Any] | None
    user_settings_override_yaml: str | None
    user_settings_yaml: str | None
    version: str | None

class IntegrationsServerInfo(TypedDict, total=False):
    apm_server_mode: Literal["standalone", "managed"] | None
    deployment_id: str | None
    elasticsearch_cluster: Required[TargetElasticsearchCluster]
    external_links: Required[list[ExternalHyperlink]]
    healthy: Required[bool]
    id: Required[str]
    links: dict[str, Hyperlink] | None
    metadata: ClusterMetadataInfo | None
    name: Required[str]
    plan_info: Required[IntegrationsServerPlansInfo]
    region: str | None
    settings: IntegrationsServerSettings | None
    status: Required[Literal["initializing", "stopping", "stopped", "rebooting", "restarting", "reconfiguring", "started"]]
    topology: Required[ClusterTopologyInfo]

class IntegrationsServerPayload(TypedDict, total=False):
    display_name: str | None
    elasticsearch_cluster_ref_id: Required[str]
    plan: Required[IntegrationsServerPlan]
    ref_id: Required[str]
    region: Required[str]
    settings: IntegrationsServerSettings | None

class IntegrationsServerPlan(TypedDict, total=False):
    cluster_topology: list[IntegrationsServerTopologyElement] | None
    integrations_server: Required[IntegrationsServerConfiguration]
    transient: TransientIntegrationsServerPlanConfiguration | None

class IntegrationsServerPlanControlConfiguration(TypedDict, total=False):
    calm_wait_time: int | None
    cluster_reboot: Literal["forced"] | None
    extended_maintenance: bool | None
    move_allocators: list[AllocatorMoveRequest] | None
    move_instances: list[InstanceMoveRequest] | None
    override_failsafe: bool | None
    preferred_allocator_tags: dict[str, str] | None
    preferred_allocators: list[str] | None
    reallocate_instances: bool | None
    timeout: int | None

class IntegrationsServerPlanInfo(TypedDict, total=False):
    attempt_end_time: str | None
    attempt_start_time: str | None
    error: ClusterPlanAttemptError | None
    healthy: Required[bool]
    plan: IntegrationsServerPlan | None
    plan_attempt_id: str | None
    plan_attempt_log: Required[list[ClusterPlanStepInfo]]
    plan_attempt_name: str | None
    plan_end_time: str | None
    source: ChangeSourceInfo | None
    warnings: Required[list[ClusterPlanWarning]]

class IntegrationsServerPlansInfo(TypedDict, total=False):
    current: IntegrationsServerPlanInfo | None
    healthy: Required[bool]
    history: Required[list[IntegrationsServerPlanInfo]]
    pending: IntegrationsServerPlanInfo | None

class IntegrationsServerResourceInfo(TypedDict, total=False):
    elasticsearch_cluster_ref_id: Required[str]
    id: Required[str]
    info: Required[IntegrationsServerInfo]
    ref_id: Required[str]
    region: Required[str]

class IntegrationsServerSettings(TypedDict, total=False):
    metadata: ClusterMetadataSettings | None

class IntegrationsServerSystemSettings(TypedDict, total=False):
    debug_enabled: bool | None
    elasticsearch_password: str | None
    elasticsearch_url: str | None
    elasticsearch_username: str | None
    kibana_url: str | None
    secret_token: str | None

class IntegrationsServerTopologyElement(TypedDict, total=False):
    instance_configuration_id: str | None
    instance_configuration_version: int | None
    integrations_server: IntegrationsServerConfiguration | None
    size: TopologySize | None
    zone_count: int | None

class ItemCosts(TypedDict, total=False):
    hours: Required[int]
    instance_count: Required[int]
    kind: Required[Literal["elasticsearch", "kibana", "apm", "integrations_server", "appsearch", "enterprise_search"]]
    name: Required[str]
    period: Required[Period]
    price: Required[float]
    price_per_hour: Required[float]
    sku: Required[str]

class ItemsCosts(TypedDict, total=False):
    costs: Required[Costs]
    data_transfer_and_storage: Required[list[DtsDimensionCosts]]
    resources: Required[list[ItemCosts]]

class KeystoreContents(TypedDict, total=False):
    secrets: Required[dict[str, KeystoreSecret]]

class KeystoreSecret(TypedDict, total=False):
    as_file: bool | None
    value: dict[str, Any] | None

class Kibana(TypedDict, total=False):
    backend_plan: Required[dict[str, Any]]
    display_name: Required[str]
    elasticsearch_cluster_ref_id: Required[str]
    ref_id: Required[str]

class KibanaClusterInfo(TypedDict, total=False):
    cluster_id: Required[str]
    cluster_name: Required[str]
    deployment_id: str | None
    elasticsearch_cluster: Required[TargetElasticsearchCluster]
    external_links: Required[list[ExternalHyperlink]]
    healthy: Required[bool]
    links: dict[str, Hyperlink] | None
    metadata: Required[ClusterMetadataInfo]
    plan_info: Required[KibanaClusterPlansInfo]
    region: str | None
    settings: KibanaClusterSettings | None
    status: Required[Literal["initializing", "stopping", "stopped", "rebooting", "restarting", "reconfiguring", "started"]]
    topology: Required[ClusterTopologyInfo]

class KibanaClusterPlan(TypedDict, total=False):
    cluster_topology: list[KibanaClusterTopologyElement] | None
    kibana: Required[KibanaConfiguration]
    transient: TransientKibanaPlanConfiguration | None

class KibanaClusterPlanInfo(TypedDict, total=False):
    attempt_end_time: str | None
    attempt_start_time: str | None
    error: ClusterPlanAttemptError | None
    healthy: Required[bool]
    plan: KibanaClusterPlan | None
    plan_attempt_id: str | None
    plan_attempt_log: Required[list[ClusterPlanStepInfo]]
    plan_attempt_name: str | None
    plan_end_time: str | None
    source: ChangeSourceInfo | None
    warnings: Required[list[ClusterPlanWarning]]

class KibanaClusterPlansInfo(TypedDict, total=False):
    current: KibanaClusterPlanInfo | None
    healthy: Required[bool]
    history: Required[list[KibanaClusterPlanInfo]]
    pending: KibanaClusterPlanInfo | None

class KibanaClusterSettings(TypedDict, total=False):
    metadata: ClusterMetadataSettings | None

class KibanaClusterTopologyElement(TypedDict, total=False):
    instance_configuration_id: str | None
    instance_configuration_version: int | None
    kibana: KibanaConfiguration | None
    memory_per_node: int | None
    node_count_per_zone: int | None
    size: TopologySize | None
    zone_count: int | None

class KibanaConfiguration(TypedDict, total=False):
    docker_image: str | None
    system_settings: KibanaSystemSettings | None
    user_settings_json: dict[str, Any] | None
    user_settings_override_json: dict[str, Any] | None
    user_settings_override_yaml: str | None
    user_settings_yaml: str | None
    version: str | None

class KibanaDeeplink(TypedDict, total=False):
    semver: Required[str]
    uri: Required[str]

class KibanaPayload(TypedDict, total=False):
    display_name: str | None
    elasticsearch_cluster_ref_id: Required[str]
    plan: Required[KibanaClusterPlan]
    ref_id: Required[str]
    region: Required[str]
    settings: KibanaClusterSettings | None

class KibanaPlanControlConfiguration(TypedDict, total=False):
    calm_wait_time: int | None
    cluster_reboot: Literal["forced"] | None
    extended_maintenance: bool | None
    move_allocators: list[AllocatorMoveRequest] | None
    move_instances: list[InstanceMoveRequest] | None
    override_failsafe: bool | None
    preferred_allocator_tags: dict[str, str] | None
    preferred_allocators: list[str] | None
    reallocate_instances: bool | None
    timeout: int | None

class KibanaResourceInfo(TypedDict, total=False):
    elasticsearch_cluster_ref_id: Required[str]
    id: Required[str]
    info: Required[KibanaClusterInfo]
    ref_id: Required[str]
    region: Required[str]

class KibanaSubClusterInfo(TypedDict, total=False):
    enabled: Required[bool]
    kibana_id: Required[str]
    links: dict[str, Hyperlink] | None

class KibanaSystemSettings(TypedDict, total=False):
    elasticsearch_password: str | None
    elasticsearch_url: str | None
    elasticsearch_username: str | None

class LdapGroupSearch(TypedDict, total=False):
    base_dn: str | None
    filter: str | None
    scope: Literal["sub_tree", "one_level", "base"] | None
    user_attribute: str | None

class LdapSecurityRealmLoadBalance(TypedDict, total=False):
    cache_ttl: str | None
    type: Literal["failover", "dns_failover", "round_robin", "dns_round_robin"] | None

class LdapSecurityRealmRoleMappingRule(TypedDict, total=False):
    roles: Required[list[str]]
    type: Required[Literal["user_dn", "group_dn"]]
    value: Required[str]

class LdapSecurityRealmRoleMappingRules(TypedDict, total=False):
    default_roles: Required[list[str]]
    rules: Required[list[LdapSecurityRealmRoleMappingRule]]

class LdapSettings(TypedDict, total=False):
    bind_anonymously: Required[bool]
    bind_dn: str | None
    bind_password: str | None
    bind_type: Required[Literal["user_search", "user_templates"]]
    certificate_url: str | None
    certificate_url_truststore_password: str | None
    certificate_url_truststore_type: Literal["jks", "PKCS12"] | None
    enabled: bool | None
    group_search: LdapGroupSearch | None
    id: Required[str]
    load_balance: LdapSecurityRealmLoadBalance | None
    name: Required[str]
    order: int | None
    override_yaml: str | None
    role_mappings: LdapSecurityRealmRoleMappingRules | None
    urls: Required[list[str]]
    user_dn_templates: list[str] | None
    user_group_attribute: str | None
    user_search: LdapUserSearch | None

class LdapUserSearch(TypedDict, total=False):
    base_dn: str | None
    filter: str | None
    scope: Literal["sub_tree", "one_level", "base"] | None

class LicenseInfo(TypedDict, total=False):
    cluster_licenses: list[ClusterLicenseInfo] | None
    expiry_date_in_millis: Required[int]
    issue_date_in_millis: Required[int]
    issued_to: Required[str]
    issuer: Required[str]
    max_allocators: int | None
    max_instances: int | None
    max_ram_per_allocator_mb: int | None
    max_resource_units: int | None
    operation_mode: str | None
    signature: Required[str]
    start_date_in_millis: Required[int]
    subscription_type: str | None
    type: Required[str]
    uid: Required[str]
    version: int | None

class LicenseObject(TypedDict, total=False):
    license: Required[LicenseInfo]
    usage_stats: UsageStats | None

class ListEnrollmentTokenElement(TypedDict, total=False):
    roles: Required[list[str]]
    token_id: Required[str]

class ListEnrollmentTokenReply(TypedDict, total=False):
    tokens: Required[list[ListEnrollmentTokenElement]]

class LoggingSettings(TypedDict, total=False):
    logging_levels: Required[dict[str, str]]

class LoginRequest(TypedDict, total=False):
    login_state: LoginState | None
    password: Required[str]
    username: Required[str]

class LoginState(TypedDict, total=False):
    path: str | None

class ManagedMonitoringSettings(TypedDict, total=False):
    target_cluster_id: Required[str]

MatchAllQuery: TypeAlias = dict[str, Any]

MatchNoneQuery: TypeAlias = dict[str, Any]

class MatchQuery(TypedDict, total=False):
    analyzer: str | None
    minimum_should_match: int | None
    operator: str | None
    query: Required[str]

class Metadata(TypedDict, total=False):
    created_time: Required[str]
    modified_time: Required[str]
    version: Required[str]

class MetadataItem(TypedDict, total=False):
    key: Required[str]
    value: Required[str]

class MetadataItemValue(TypedDict, total=False):
    value: Required[str]

class MetadataItems(TypedDict, total=False):
    items: Required[list[MetadataItem]]

class ModelVersionIndexSynchronizationResults(TypedDict, total=False):
    results: Required[dict[str, IndexSynchronizationResults]]

class MoveApmClusterConfiguration(TypedDict, total=False):
    cluster_ids: Required[list[str]]
    plan_override: TransientApmPlanConfiguration | None

class MoveApmClusterDetails(TypedDict, total=False):
    calculated_plan: TransientApmPlanConfiguration | None
    cluster_id: Required[str]
    errors: list[BasicFailedReplyElement] | None

class MoveAppSearchConfiguration(TypedDict, total=False):
    cluster_ids: Required[list[str]]
    plan_override: TransientAppSearchPlanConfiguration | None

class MoveAppSearchDetails(TypedDict, total=False):
    calculated_plan: TransientAppSearchPlanConfiguration | None
    cluster_id: Required[str]
    errors: list[BasicFailedReplyElement] | None

class MoveClustersCommandResponse(TypedDict, total=False):
    failures: Required[MoveClustersDetails]
    moves: Required[MoveClustersDetails]

class MoveClustersDetails(TypedDict, total=False):
    apm_clusters: Required[list[MoveApmClusterDetails]]
    appsearch_clusters: Required[list[MoveAppSearchDetails]]
    elasticsearch_clusters: Required[list[MoveElasticsearchClusterDetails]]
    enterprise_search_clusters: Required[list[MoveEnterpriseSearchDetails]]
    kibana_clusters: Required[list[MoveKibanaClusterDetails]]

class MoveClustersRequest(TypedDict, total=False):
    apm_clusters: list[MoveApmClusterConfiguration] | None
    appsearch_clusters: list[MoveAppSearchConfiguration] | None
    elasticsearch_clusters: list[MoveElasticsearchClusterConfiguration] | None
    enterprise_search_clusters: list[MoveEnterpriseSearchConfiguration] | None
    kibana_clusters: list[MoveKibanaClusterConfiguration] | None

class MoveElasticsearchClusterConfiguration(TypedDict, total=False):
    cluster_ids: Required[list[str]]
    plan_override: TransientElasticsearchPlanConfiguration | None

class MoveElasticsearchClusterDetails(TypedDict, total=False):
    calculated_plan: TransientElasticsearchPlanConfiguration | None
    cluster_id: Required[str]
    errors: list[BasicFailedReplyElement] | None

class MoveEnterpriseSearchConfiguration(TypedDict, total=False):
    cluster_ids: Required[list[str]]
    plan_override: TransientEnterpriseSearchPlanConfiguration | None

class MoveEnterpriseSearchDetails(TypedDict, total=False):
    calculated_plan: TransientEnterpriseSearchPlanConfiguration | None
    cluster_id: Required[str]
    errors: list[BasicFailedReplyElement] | None

class MoveKibanaClusterConfiguration(TypedDict, total=False):
    cluster_ids: Required[list[str]]
    plan_override: TransientKibanaPlanConfiguration | None

class MoveKibanaClusterDetails(TypedDict, total=False):
    calculated_plan: TransientKibanaPlanConfiguration | None
    cluster_id: Required[str]
    errors: list[BasicFailedReplyElement] | None

class NestedQuery(TypedDict, total=False):
    path: Required[str]
    query: Required[QueryContainer]
    score_mode: Literal["avg", "sum", "min", "max", "none"] | None

class NodeTypeResource(TypedDict, total=False):
    default_instance_configuration_id: str | None
    description: Required[str]
    mandatory: bool | None
    name: Required[str]
    node_type: Required[str]

class ObservabilityAbsoluteDeployment(TypedDict, total=False):
    deployment_id: Required[str]
    ref_id: str | None

class ObservabilityIssue(TypedDict, total=False):
    description: Required[str]
    severity: Required[str]

class Organization(TypedDict, total=False):
    billing_contacts: list[str] | None
    default_disk_usage_alerts_enabled: bool | None
    id: Required[str]
    name: Required[str]
    notifications_allowed_email_domains: list[str] | None
    operational_contacts: list[str] | None

class OrganizationInvitation(TypedDict, total=False):
    accepted_at: str | None
    created_at: Required[str]
    email: Required[str]
    expired: Required[bool]
    expires_at: Required[str]
    organization: Required[Organization]
    role_assignments: RoleAssignments | None
    token: Required[str]

class OrganizationInvitationRequest(TypedDict, total=False):
    emails: Required[list[str]]
    expires_in: str | None
    role_assignments: RoleAssignments | None

class OrganizationInvitations(TypedDict, total=False):
    invitations: Required[list[OrganizationInvitation]]

class OrganizationList(TypedDict, total=False):
    next_page: str | None
    organizations: Required[list[Organization]]

class OrganizationMembership(TypedDict, total=False):
    email: str | None
    member_since: Required[str]
    name: str | None
    organization_id: Required[str]
    role_assignments: RoleAssignments | None
    user_id: Required[str]

class OrganizationMemberships(TypedDict, total=False):
    members: Required[list[OrganizationMembership]]

class OrganizationRequest(TypedDict, total=False):
    billing_contacts: list[str] | None
    default_disk_usage_alerts_enabled: bool | None
    name: str | None
    notifications_allowed_email_domains: list[str] | None
    operational_contacts: list[str] | None

class OrganizationRoleAssignment(TypedDict, total=False):
    organization_id: Required[str]
    role_id: Required[str]

class Orphaned(TypedDict, total=False):
    apm: Required[list[str]]
    appsearch: Required[list[str]]
    elasticsearch: Required[list[OrphanedElasticsearch]]
    enterprise_search: Required[list[str]]
    integrations_server: Required[list[str]]
    kibana: Required[list[str]]

class OrphanedElasticsearch(TypedDict, total=False):
    dependents: Required[list[ElasticsearchDependant]]
    id: Required[str]

class PendingState(TypedDict, total=False):
    value: Required[bool]

class PendingStates(TypedDict, total=False):
    runner_ids_to_pending_state: Required[dict[str, PendingState]]

class PendingStatesWithMeta(TypedDict, total=False):
    meta: Required[Metadata]
    value: Required[PendingStates]

class Period(TypedDict, total=False):
    end: Required[str]
    start: Required[str]

class PlanStrategy(TypedDict, total=False):
    autodetect: AutodetectStrategyConfig | None
    grow_and_shrink: GrowShrinkStrategyConfig | None
    rolling: RollingStrategyConfig | None
    rolling_grow_and_shrink: RollingGrowShrinkStrategyConfig | None

class PlatformInfo(TypedDict, total=False):
    eula_accepted: Required[bool]
    phone_home_enabled: Required[bool]
    regions: Required[list[RegionInfo]]
    services: Required[list[PlatformServiceInfo]]
    unreachable_regions: Required[list[UnreachableRegionInfo]]
    version: Required[str]

class PlatformResourcesSummary(TypedDict, total=False):
    account_count: Required[int]
    available_count: Required[int]
    healthy: Required[bool]
    minimum_available_count: Required[int]
    missing_count: Required[int]
    used_count: Required[int]

class PlatformRoleAssignment(TypedDict, total=False):
    role_id: Required[str]

class PlatformServiceImageInfo(TypedDict, total=False):
    hash: Required[str]
    id: Required[str]
    tag: Required[str]
    version: Required[str]

class PlatformServiceInfo(TypedDict, total=False):
    image: Required[list[PlatformServiceImageInfo]]
    type: Required[str]

class PortBinding(TypedDict, total=False):
    host_ip: str | None
    host_port: Required[str]

class PrefixQuery(TypedDict, total=False):
    boost: float | None
    value: Required[str]

class ProjectRoleAssignment(TypedDict, total=False):
    all: bool | None
    application_roles: list[str] | None
    organization_id: Required[str]
    project_ids: list[str] | None
    role_id: Required[str]

class ProjectRoleAssignments(TypedDict, total=False):
    elasticsearch: list[ProjectRoleAssignment] | None
    observability: list[ProjectRoleAssignment] | None
    security: list[ProjectRoleAssignment] | None

class ProxiesAllocationsInfo(TypedDict, total=False):
    allocations_type: Required[str]
    max_allocations: Required[int]
    proxies_at_max_allocations: Required[int]

class ProxiesFilter(TypedDict, total=False):
    key: Required[str]
    value: Required[str]

class ProxiesFilteredGroup(TypedDict, total=False):
    expected_proxies_count: Required[int]
    filters: Required[list[ProxiesFilter]]
    id: str | None

class ProxiesFilteredGroupHealth(TypedDict, total=False):
    group: Required[ProxiesFilteredGroup]
    observed_proxies_count: Required[int]
    status: Required[str]

class ProxiesHealth(TypedDict, total=False):
    allocations: Required[list[ProxiesAllocationsInfo]]
    expected_proxies_count: Required[int]
    filtered_groups: Required[list[ProxiesFilteredGroupHealth]]
    observed_proxies_count: Required[int]
    status: Required[str]

class ProxiesHttpSettings(TypedDict, total=False):
    cookie_secret: Required[str]
    dashboards_base_url: Required[str]
    disconnected_cutoff: Required[int]
    minimum_proxy_services: Required[int]
    sso_settings: Required[ProxiesSSOSettings]
    user_cookie_key: Required[str]

class ProxiesSSOSettings(TypedDict, total=False):
    cookie_name: Required[str]
    default_redirect_path: Required[str]
    dont_log_requests: Required[bool]
    maintenance_bypass_cookie_name: Required[str]
    max_age: Required[int]
    sso_secret: Required[str]

class ProxiesSettings(TypedDict, total=False):
    expected_proxies_count: Required[int]
    http_settings: Required[ProxiesHttpSettings]
    signature_secret: Required[str]
    signature_valid_for_millis: Required[int]

class ProxiesSummary(TypedDict, total=False):
    expected_proxies_count: Required[int]
    healthy: Required[bool]
    proxies: Required[list[ProxySummary]]
    proxies_count: Required[int]

class ProxyAllocationCounts(TypedDict, total=False):
    allocations: Required[int]
    connectors: Required[int]

class ProxyAllocationInfo(TypedDict, total=False):
    allocations_type: Required[Literal["elasticsearch", "kibana", "apm", "integrations_server", "appsearch", "enterprise_search"]]
    counts: Required[ProxyAllocationCounts]

class ProxyInfo(TypedDict, total=False):
    allocations: Required[list[ProxyAllocationInfo]]
    healthy: Required[bool]
    host_ip: Required[str]
    metadata: Required[dict[str, Any]]
    proxy_id: Required[str]
    public_hostname: Required[str]
    runner_id: str | None
    zone: str | None

class ProxyOverview(TypedDict, total=False):
    proxies: Required[list[ProxyInfo]]
    proxies_count: Required[int]
    settings: Required[ProxiesSettings]

class ProxySummary(TypedDict, total=False):
    healthy: Required[bool]
    proxy_id: Required[str]

class PublicCertChain(TypedDict, total=False):
    chain: Required[list[str]]

class PublicCertChainCollection(TypedDict, total=False):
    certs: Required[dict[str, PublicCertChain]]

class PublicCertificate(TypedDict, total=False):
    active: Required[bool]
    metadata: Required[CertificateMetaData]
    pem: Required[str]

class QueryContainer(TypedDict, total=False):
    bool: BoolQuery | None
    exists: ExistsQuery | None
    match: dict[str, MatchQuery] | None
    match_all: MatchAllQuery | None
    match_none: MatchNoneQuery | None
    nested: NestedQuery | None
    prefix: dict[str, PrefixQuery] | None
    query_string: QueryStringQuery | None
    range: dict[str, RangeQuery] | None
    simple_query_string: SimpleQueryStringQuery | None
    term: dict[str, TermQuery] | None

class QueryStringQuery(TypedDict, total=False):
    allow_leading_wildcard: bool | None
    analyzer: str | None
    default_field: str | None
    default_operator: str | None
    query: Required[str]

class RangeQuery(TypedDict, total=False):
    boost: float | None
    format: str | None
    gt: dict[str, Any] | None
    gte: dict[str, Any] | None
    lt: dict[str, Any] | None
    lte: dict[str, Any] | None
    time_zone: str | None

class ReadOnlyRequest(TypedDict, total=False):
    enabled: Required[bool]

class ReadOnlyResponse(TypedDict, total=False):
    enabled: Required[bool]

class RegionInfo(TypedDict, total=False):
    allocators: Required[AllocatorsSummary]
    constructors: Required[ConstructorOverview]
    container_sets_status: Required[ContainerSetsSummary]
    coordinators: Required[CoordinatorsSummary]
    proxies: Required[ProxiesSummary]
    region_id: Required[str]
    resources: Required[PlatformResourcesSummary]
    runners: Required[RunnersSummary]
    zookeeper_states: Required[ZookeeperSummary]

class RemoteResourceInfo(TypedDict, total=False):
    compatible: Required[bool]
    connected: Required[bool]
    healthy: Required[bool]
    trusted: Required[bool]
    trusted_back: Required[bool]

class RemoteResourceRef(TypedDict, total=False):
    alias: Required[str]
    deployment_id: Required[str]
    elasticsearch_ref_id: Required[str]
    info: RemoteResourceInfo | None
    skip_unavailable: bool | None

class RemoteResources(TypedDict, total=False):
    resources: Required[list[RemoteResourceRef]]

class ReplyWarning(TypedDict, total=False):
    code: Required[str]
    message: str | None

class RepositoryConfig(TypedDict, total=False):
    config: Required[dict[str, Any]]
    repository_name: Required[str]

class RepositoryConfigs(TypedDict, total=False):
    configs: Required[list[RepositoryConfig]]

class RequestEnrollmentTokenReply(TypedDict, total=False):
    token: Required[str]
    token_id: str | None

class ResourceHeapDumps(TypedDict, total=False):
    heap_dumps: Required[list[HeapDump]]
    id: Required[str]
    ref_id: Required[str]

class RestartPolicy(TypedDict, total=False):
    maximum_retry_count: int | None
    name: Required[str]

class RestoreSnapshotApiConfiguration(TypedDict, total=False):
    indices: list[str] | None
    raw_settings: dict[str, Any] | None

class RestoreSnapshotConfiguration(TypedDict, total=False):
    repository_config: RestoreSnapshotRepoConfiguration | None
    repository_name: str | None
    restore_payload: RestoreSnapshotApiConfiguration | None
    snapshot_name: Required[str]
    source_cluster_id: str | None
    strategy: Literal["partial", "full", "recovery"] | None

class RestoreSnapshotRepoConfiguration(TypedDict, total=False):
    raw_settings: dict[str, Any] | None

class Role(TypedDict, total=False):
    auto_blessed: Required[bool]
    containers: Required[list[ContainersEntry]]
    id: Required[str]

class RoleAggregate(TypedDict, total=False):
    blessings: BlessingsWithMeta | None
    id: Required[str]
    pending: PendingStatesWithMeta | None
    role: Required[RoleWithMeta]

class RoleAggregateCreateData(TypedDict, total=False):
    blessings: Blessings | None
    role: Required[Role]

class RoleAggregates(TypedDict, total=False):
    values: Required[list[RoleAggregate]]

class RoleAssignments(TypedDict, total=False):
    deployment: list[DeploymentRoleAssignment] | None
    organization: list[OrganizationRoleAssignment] | None
    platform: list[PlatformRoleAssignment] | None
    project: ProjectRoleAssignments | None

class RoleWithMeta(TypedDict, total=False):
    meta: Required[Metadata]
    value: Required[Role]

RollingGrowShrinkStrategyConfig: TypeAlias = dict[str, Any]

class RollingStrategyConfig(TypedDict, total=False):
    allow_inline_resize: bool | None
    group_by: str | None
    shard_init_wait_time: int | None
    skip_synced_flush: bool | None

class RulesetAssociations(TypedDict, total=False):
    associations: Required[list[FilterAssociation]]
    total_associations: Required[int]

class RunnerBuildInfo(TypedDict, total=False):
    commit_hash: str | None
    version: str | None

class RunnerContainerInfo(TypedDict, total=False):
    container_name: Required[str]
    container_set_name: Required[str]

class RunnerHealthChecks(TypedDict, total=False):
    has_containers: Required[bool]
    is_connected_to_zk: Required[bool]
    is_docker_healthy: Required[bool]

class RunnerInfo(TypedDict, total=False):
    build_info: RunnerBuildInfo | None
    connected: Required[bool]
    containers: Required[list[RunnerContainerInfo]]
    features: dict[str, bool] | None
    health_checks: RunnerHealthChecks | None
    healthy: Required[bool]
    host_ip: Required[str]
    public_hostname: Required[str]
    region: str | None
    roles: Required[list[RunnerRoleInfo]]
    runner_id: Required[str]
    runner_name: str | None
    tags: dict[str, str] | None
    zone: str | None

class RunnerOverview(TypedDict, total=False):
    runners: Required[list[RunnerInfo]]

class RunnerRoleInfo(TypedDict, total=False):
    role_name: Required[str]

class RunnerRolesInfo(TypedDict, total=False):
    roles: Required[list[RunnerRoleInfo]]

class RunnersSummary(TypedDict, total=False):
    connected_capacity: Required[int]
    connected_runners: Required[int]
    containers_count: Required[int]
    healthy: Required[bool]
    healthy_runners: Required[int]
    max_available_capacity: Required[int]
    total_runners: Required[int]

class SamlAttributeSettings(TypedDict, total=False):
    dn: str | None
    groups: Required[str]
    mail: str | None
    name: str | None
    principal: Required[str]

class SamlIdpSettings(TypedDict, total=False):
    entity_id: Required[str]
    metadata_path: Required[str]
    use_single_logout: bool | None

class SamlSecurityRealmRoleMappingRule(TypedDict, total=False):
    roles: Required[list[str]]
    type: Required[Literal["username", "groups", "dn"]]
    value: Required[str]

class SamlSecurityRealmRoleMappingRules(TypedDict, total=False):
    default_roles: Required[list[str]]
    rules: Required[list[SamlSecurityRealmRoleMappingRule]]

class SamlSettings(TypedDict, total=False):
    attributes: Required[SamlAttributeSettings]
    enabled: bool | None
    encryption_certificate_url: str | None
    encryption_certificate_url_password: str | None
    force_authn: bool | None
    id: Required[str]
    idp: Required[SamlIdpSettings]
    name: Required[str]
    nameid_format: str | None
    order: int | None
    override_yaml: str | None
    role_mappings: SamlSecurityRealmRoleMappingRules | None
    signing_certificate_url: str | None
    signing_certificate_url_password: str | None
    signing_saml_messages: list[str] | None
    sp: Required[SamlSpSettings]
    ssl_certificate_url: str | None
    ssl_certificate_url_truststore_password: str | None
    ssl_certificate_url_truststore_type: Literal["jks", "PKCS12"] | None

class SamlSpSettings(TypedDict, total=False):
    acs: Required[str]
    entity_id: Required[str]
    logout: Required[str]

SearchRequest = TypedDict('SearchRequest', {
    'cursor': 'str | None',
    'from': 'int | None',
    'query': 'QueryContainer | None',
    'size': 'int | None',
    'sort': 'list[dict[str, Any]] | None',
}, total=False)

class SecurityDeployment(TypedDict, total=False):
    cluster_id: Required[str]
    deployment_id: str | None
    has_pending_plan: Required[bool]
    is_enabled: Required[bool]
    is_healthy: Required[bool]
    name: Required[str]
    status: Required[Literal["initializing", "stopping", "stopped", "rebooting", "restarting", "reconfiguring", "started"]]
    version: str | None

class SecurityDeploymentCreateRequest(TypedDict, total=False):
    name: str | None
    topology: SecurityDeploymentTopology | None
    version: str | None

class SecurityDeploymentTopology(TypedDict, total=False):
    size: TopologySize | None
    zone_count: int | None

class SecurityDeploymentUpdateRequest(TypedDict, total=False):
    topology: SecurityDeploymentTopology | None
    version: str | None

class SecurityRealmInfo(TypedDict, total=False):
    enabled: bool | None
    id: Required[str]
    name: Required[str]
    order: int | None
    type: Required[Literal["native", "ldap", "saml", "active_directory"]]
    urls: Required[list[str]]

class SecurityRealmInfoList(TypedDict, total=False):
    realms: Required[list[SecurityRealmInfo]]

class SecurityRealmsReorderRequest(TypedDict, total=False):
    realms: Required[list[str]]

class ServiceUrl(TypedDict, total=False):
    service: Required[str]
    url: Required[str]

class SimpleQueryStringQuery(TypedDict, total=False):
    analyze_wildcard: bool | None
    analyzer: str | None
    auto_generate_synonyms_phrase_query: bool | None
    default_operator: str | None
    fields: list[str] | None
    flags: str | None
    fuzzy_max_expansions: int | None
    fuzzy_prefix_length: int | None
    fuzzy_transpositions: bool | None
    lenient: bool | None
    minimum_should_match: str | None
    query: Required[str]
    quote_field_suffix: str | None

class SimplifiedLineItem(TypedDict, total=False):
    ecu_balance: Required[float]
    ecu_quantity: Required[float]
    end: Required[str]
    id: Required[str]
    start: Required[str]

class SnapshotRepositoryConfiguration(TypedDict, total=False):
    settings: Required[dict[str, Any]]
    type: Required[str]

class SnapshotStatusInfo(TypedDict, total=False):
    count: Required[int]
    healthy: Required[bool]
    latest_end_time: str | None
    latest_status: str | None
    latest_successful: bool | None
    latest_successful_end_time: str | None
    recent_success: Required[bool]
    scheduled_time: str | None

class SsoAuthenticationMethodInfo(TypedDict, total=False):
    name: Required[str]
    sso_type: Required[Literal["saml"]]
    url: Required[str]

class StackVersionApmConfig(TypedDict, total=False):
    blacklist: Required[list[str]]
    capacity_constraints: StackVersionInstanceCapacityConstraint | None
    compatible_node_types: list[str] | None
    docker_image: Required[str]
    settings: dict[str, Any] | None
    version: str | None

class StackVersionAppSearchConfig(TypedDict, total=False):
    blacklist: Required[list[str]]
    capacity_constraints: StackVersionInstanceCapacityConstraint | None
    compatible_node_types: list[str] | None
    docker_image: Required[str]
    node_types: list[StackVersionNodeType] | None
    settings: dict[str, Any] | None
    version: str | None

class StackVersionArchiveProcessingError(TypedDict, total=False):
    errors: Required[BasicFailedReply]
    stack_version: Required[str]

class StackVersionArchiveProcessingResult(TypedDict, total=False):
    errors: Required[list[StackVersionArchiveProcessingError]]
    stacks: Required[list[StackVersionConfig]]

class StackVersionConfig(TypedDict, total=False):
    accessible: bool | None
    apm: StackVersionApmConfig | None
    appsearch: StackVersionAppSearchConfig | None
    deleted: bool | None
    elasticsearch: Required[StackVersionElasticsearchConfig]
    enterprise_search: StackVersionEnterpriseSearchConfig | None
    kibana: Required[StackVersionKibanaConfig]
    metadata: StackVersionMetadata | None
    min_upgradable_from: str | None
    template: Required[StackVersionTemplateInfo]
    upgradable_to: Required[list[str]]
    version: str | None
    whitelisted: bool | None

class StackVersionConfigPost(TypedDict, total=False):
    apm: StackVersionApmConfig | None
    appsearch: StackVersionAppSearchConfig | None
    elasticsearch: Required[StackVersionElasticsearchConfig]
    enterprise_search: StackVersionEnterpriseSearchConfig | None
    integrations_server: StackVersionIntegrationsServerConfig | None
    kibana: Required[StackVersionKibanaConfig]
    metadata: StackVersionMetadata | None

class StackVersionConfigs(TypedDict, total=False):
    stacks: Required[list[StackVersionConfig]]

class StackVersionElasticsearchConfig(TypedDict, total=False):
    blacklist: Required[list[str]]
    capacity_constraints: StackVersionInstanceCapacityConstraint | None
    compatible_node_types: list[str] | None
    default_plugins: Required[list[str]]
    docker_image: Required[str]
    node_types: list[StackVersionNodeType] | None
    plugins: Required[list[str]]
    settings: dict[str, Any] | None

class StackVersionEnterpriseSearchConfig(TypedDict, total=False):
    blacklist: Required[list[str]]
    capacity_constraints: StackVersionInstanceCapacityConstraint | None
    compatible_node_types: list[str] | None
    docker_image: Required[str]
    node_types: list[StackVersionNodeType] | None
    settings: dict[str, Any] | None
    version: str | None

class StackVersionInstanceCapacityConstraint(TypedDict, total=False):
    max: Required[int]
    min: Required[int]

class StackVersionIntegrationsServerConfig(TypedDict, total=False):
    blacklist: Required[list[str]]
    capacity_constraints: StackVersionInstanceCapacityConstraint | None
    compatible_node_types: list[str] | None
    docker_image: Required[str]
    settings: dict[str, Any] | None
    version: str | None

class StackVersionKibanaConfig(TypedDict, total=False):
    blacklist: Required[list[str]]
    capacity_constraints: StackVersionInstanceCapacityConstraint | None
    compatible_node_types: list[str] | None
    docker_image: Required[str]
    settings: dict[str, Any] | None
    version: str | None

class StackVersionMetadata(TypedDict, total=False):
    min_index_compatibility_version: str | None
    min_platform_version: str | None
    min_wire_compatibility_version: str | None
    notes: str | None
    pre_release: bool | None
    schema_version: int | None

class StackVersionNodeType(TypedDict, total=False):
    capacity_constraints: StackVersionInstanceCapacityConstraint | None
    compatible_node_types: list[str] | None
    description: Required[str]
    mandatory: bool | None
    name: Required[str]
    node_type: Required[str]
    settings: dict[str, Any] | None

class StackVersionTemplateFileHash(TypedDict, total=False):
    hash: Required[str]
    path: Required[str]

class StackVersionTemplateInfo(TypedDict, total=False):
    hashes: list[StackVersionTemplateFileHash] | None
    template_version: str | None

class TargetElasticsearchCluster(TypedDict, total=False):
    elasticsearch_id: Required[str]
    links: dict[str, Hyperlink] | None

class TelemetryConfig(TypedDict, total=False):
    enabled: Required[bool]

class TelemetryConfigRequest(TypedDict, total=False):
    enabled: Required[bool]

class TermQuery(TypedDict, total=False):
    value: Required[str]

class TlsPublicCertChain(TypedDict, total=False):
    api_managed: bool | None
    chain: Required[list[str]]
    chain_status: ChainStatus | None
    user_supplied: Required[bool]

class TokenResponse(TypedDict, total=False):
    session_expiration_time: Required[str]
    token: Required[str]

class TopologyElementControl(TypedDict, total=False):
    min: Required[TopologySize]

class TopologySize(TypedDict, total=False):
    resource: Required[Literal["memory", "storage"]]
    value: Required[int]

class TrafficFilterClaimedLinkIdInfo(TypedDict, total=False):
    azure_endpoint_guid: str | None
    azure_endpoint_name: str | None
    link_id: str | None
    region: Required[str]

class TrafficFilterClaimedLinkIdRequest(TypedDict, total=False):
    azure_endpoint_guid: str | None
    azure_endpoint_name: str | None
    link_id: str | None
    region: Required[str]

class TrafficFilterClaimedLinkIds(TypedDict, total=False):
    claimed_link_ids: Required[list[TrafficFilterClaimedLinkIdInfo]]

class TrafficFilterEgressRule(TypedDict, total=False):
    ports: list[int] | None
    protocol: Required[Literal["all", "tcp", "udp"]]
    target: Required[str]

class TrafficFilterRule(TypedDict, total=False):
    azure_endpoint_guid: str | None
    azure_endpoint_name: str | None
    description: str | None
    egress_rule: TrafficFilterEgressRule | None
    id: str | None
    remote_cluster_id: str | None
    remote_cluster_org_id: str | None
    source: str | None

class TrafficFilterRulesetInfo(TypedDict, total=False):
    associations: list[FilterAssociation] | None
    description: str | None
    id: Required[str]
    include_by_default: Required[bool]
    name: Required[str]
    region: Required[str]
    rules: Required[list[TrafficFilterRule]]
    total_associations: int | None
    type: Required[str]

class TrafficFilterRulesetRequest(TypedDict, total=False):
    description: str | None
    include_by_default: Required[bool]
    name: Required[str]
    region: Required[str]
    rules: Required[list[TrafficFilterRule]]
    type: Required[str]

class TrafficFilterRulesetResponse(TypedDict, total=False):
    id: Required[str]

class TrafficFilterRulesets(TypedDict, total=False):
    rulesets: Required[list[TrafficFilterRulesetInfo]]

class TrafficFilterSettings(TypedDict, total=False):
    rulesets: Required[list[str]]

class TransientApmPlanConfiguration(TypedDict, total=False):
    plan_configuration: ApmPlanControlConfiguration | None
    strategy: PlanStrategy | None

class TransientAppSearchPlanConfiguration(TypedDict, total=False):
    plan_configuration: AppSearchPlanControlConfiguration | None
    strategy: PlanStrategy | None

class TransientElasticsearchPlanConfiguration(TypedDict, total=False):
    cluster_settings_json: dict[str, Any] | None
    plan_configuration: ElasticsearchPlanControlConfiguration | None
    remote_clusters: RemoteResources | None
    restore_snapshot: RestoreSnapshotConfiguration | None
    strategy: PlanStrategy | None

class TransientEnterpriseSearchPlanConfiguration(TypedDict, total=False):
    plan_configuration: EnterpriseSearchPlanControlConfiguration | None
    strategy: PlanStrategy | None

class TransientIntegrationsServerPlanConfiguration(TypedDict, total=False):
    plan_configuration: IntegrationsServerPlanControlConfiguration | None
    strategy: PlanStrategy | None

class TransientKibanaPlanConfiguration(TypedDict, total=False):
    plan_configuration: KibanaPlanControlConfiguration | None
    strategy: PlanStrategy | None

class TrustRelationshipCreateRequest(TypedDict, total=False):
    account_ids: list[str] | None
    installation_id: str | None
    name: Required[str]
    public_ca_cert: Required[str]
    trust_by_default: bool | None

class TrustRelationshipCreateResponse(TypedDict, total=False):
    account_ids: list[str] | None
    id: Required[str]
    installation_id: str | None
    local: Required[bool]
    name: Required[str]
    trust_by_default: Required[bool]

class TrustRelationshipGetResponse(TypedDict, total=False):
    account_ids: list[str] | None
    id: Required[str]
    installation_id: str | None
    last_modified: Required[str]
    local: Required[bool]
    name: Required[str]
    public_ca_cert: str | None
    trust_by_default: Required[bool]

class TrustRelationshipUpdateRequest(TypedDict, total=False):
    account_ids: list[str] | None
    installation_id: str | None
    name: str | None
    public_ca_cert: str | None
    trust_by_default: bool | None

class TrustRelationshipUpdateResponse(TypedDict, total=False):
    account_ids: list[str] | None
    id: Required[str]
    installation_id: str | None
    local: Required[bool]
    name: Required[str]
    trust_by_default: Required[bool]

class TrustRelationshipsListResponse(TypedDict, total=False):
    trust_relationships: Required[list[TrustRelationshipGetResponse]]

class TrustedCertificate(TypedDict, total=False):
    metadata: CertificateMetaData | None
    pem: Required[str]

class UnreachableRegionInfo(TypedDict, total=False):
    region_id: Required[str]

class UpdateExtensionRequest(TypedDict, total=False):
    description: str | None
    download_url: str | None
    extension_type: Required[Literal["plugin", "bundle"]]
    name: Required[str]
    version: Required[str]

class UpdatedTlsChain(TypedDict, total=False):
    service: Required[Literal["adminconsole", "proxy", "ui", "internalca"]]

class Updates(TypedDict, total=False):
    apm: list[Apm] | None
    appsearch: list[AppSearch] | None
    elasticsearch: list[Elasticsearch] | None
    enterprise_search: list[EnterpriseSearch] | None
    integrations_server: list[IntegrationsServer] | None
    kibana: list[Kibana] | None

class UsageStats(TypedDict, total=False):
    total_connected_memory_total: Required[int]

class User(TypedDict, total=False):
    builtin: bool | None
    email: str | None
    full_name: str | None
    metadata: UserMetadata | None
    security: Required[UserSecurity]
    user_name: Required[str]

class UserApiKey(TypedDict, total=False):
    api_key_id: Required[str]
    user_id: Required[str]

class UserList(TypedDict, total=False):
    users: Required[list[User]]

class UserMetadata(TypedDict, total=False):
    created_at: str | None
    created_by: str | None
    first_login_at: str | None
    last_login_at: str | None
    updated_at: str | None
    updated_by: str | None

class UserSecurity(TypedDict, total=False):
    elevated_permissions: ElevatedPermissions | None
    enabled: bool | None
    password: str | None
    permissions: list[str] | None
    roles: list[str] | None
    security_realm: UserSecurityRealm | None

class UserSecurityRealm(TypedDict, total=False):
    id: Required[str]
    type: Required[Literal["native", "ldap", "saml", "active_directory"]]

class VersionedIdResponse(TypedDict, total=False):
    config_version: dict[str, Any] | None
    config_version_updated: dict[str, Any] | None
    id: Required[str]

class ZkAcl(TypedDict, total=False):
    id: Required[str]
    perms: Required[int]
    scheme: Required[str]

class ZookeeperNodeInfo(TypedDict, total=False):
    id: Required[str]
    state: Required[Literal["connected", "suspended", "reconnected", "lost", "read_only"]]

class ZookeeperSummary(TypedDict, total=False):
    states: Required[list[ZookeeperNodeInfo]]
