# Every operation, for type checkers. Made by `make api`.
# There is no module of this name: at run time `Api` finds operations in its table.
from collections.abc import Mapping, Sequence
from typing import IO, Any, Literal

from typing_extensions import deprecated

from aiocloudauth.api import types
from aiocloudauth.api.arguments import Timeout
from aiocloudauth.api.client import Call

class Operations:
    def accept_organization_invitation(self, invitation_token: str, *, timeout: Timeout = ...) -> Call[types.EmptyResponse]:
        """POST /organizations/invitations/{invitation_token}/_accept"""
    def add_blueprinter_blessing(self, blueprinter_role_id: str, runner_id: str, *, version: str | int | None = ..., body: types.Blessing | str | bytes, region: str | None = ..., timeout: Timeout = ...) -> Call[types.RoleAggregate]:
        """PUT /platform/infrastructure/blueprinter/roles/{blueprinter_role_id}/blessings/{runner_id}"""
    def add_role_assignments(self, user_id: str, *, body: types.RoleAssignments | str | bytes, timeout: Timeout = ...) -> Call[types.EmptyResponse]:
        """POST /users/{user_id}/role_assignments"""
    def cancel_deployment_resource_pending_plan(self, deployment_id: str, resource_kind: Literal["elasticsearch", "kibana", "apm", "appsearch", "enterprise_search", "integrations_server"], ref_id: str, *, force_delete: bool | None = ..., ignore_missing: bool | None = ..., timeout: Timeout = ...) -> Call[types.DeploymentResourceCrudResponse]:
        """DELETE /deployments/{deployment_id}/{resource_kind}/{ref_id}/plan/pending"""
    def capture_deployment_instance_heap_dump(self, deployment_id: str, resource_kind: str, ref_id: str, instance_id: str, *, timeout: Timeout = ...) -> Call[types.EmptyResponse]:
        """POST /deployments/{deployment_id}/{resource_kind}/{ref_id}/instances/{instance_id}/heap_dump/_capture"""
    def capture_deployment_instance_thread_dump(self, deployment_id: str, resource_kind: str, ref_id: str, instance_id: str, *, timeout: Timeout = ...) -> Call[bytes]:
        """POST /deployments/{deployment_id}/{resource_kind}/{ref_id}/instances/{instance_id}/thread_dump/_capture"""
    def capture_deployment_resource_diagnostics(self, deployment_id: str, resource_kind: str, ref_id: str, *, mode: Literal["full", "light"] | None = ..., timeout: Timeout = ...) -> Call[bytes]:
        """POST /deployments/{deployment_id}/{resource_kind}/{ref_id}/diagnostics/_capture"""
    def claim_traffic_filter_link_id(self, *, body: types.TrafficFilterClaimedLinkIdRequest | str | bytes, timeout: Timeout = ...) -> Call[types.TrafficFilterClaimedLinkIdInfo]:
        """POST /deployments/traffic-filter/link-ids/_claim"""
    def create_active_directory_configuration(self, *, body: types.ActiveDirectorySettings | str | bytes, region: str | None = ..., timeout: Timeout = ...) -> Call[types.EmptyResponse]:
        """POST /platform/configuration/security/realms/active-directory"""
    def create_api_key(self, *, body: types.CreateApiKeyRequest | str | bytes, timeout: Timeout = ...) -> Call[types.ApiKeyResponse]:
        """POST /users/auth/keys"""
    def create_blueprinter_role(self, *, body: types.RoleAggregateCreateData | str | bytes, region: str | None = ..., timeout: Timeout = ...) -> Call[types.RoleAggregate]:
        """POST /platform/infrastructure/blueprinter/roles"""
    def create_comment(self, resource_type: str, resource_id: str, *, body: types.CommentCreateRequest | str | bytes, region: str | None = ..., timeout: Timeout = ...) -> Call[types.Comment]:
        """POST /comments/{resource_type}/{resource_id}"""
    def create_config_store_option(self, config_option_id: str, *, body: types.ConfigStoreOptionData | str | bytes, region: str | None = ..., timeout: Timeout = ...) -> Call[types.ConfigStoreOption]:
        """POST /platform/configuration/store/{config_option_id}"""
    def create_deployment(self, *, request_id: str | None = ..., validate_only: bool | None = ..., template_id: str | None = ..., body: types.DeploymentCreateRequest | str | bytes, timeout: Timeout = ...) -> Call[types.DeploymentCreateResponse]:
        """POST /deployments"""
    def create_deployment_template_v2(self, *, validate_only: bool | None = ..., region: str, body: types.DeploymentTemplateRequestBody | str | bytes, timeout: Timeout = ...) -> Call[types.IdResponse]:
        """POST /deployments/templates"""
    def create_enrollment_token(self, *, body: types.EnrollmentTokenRequest | str | bytes, region: str | None = ..., timeout: Timeout = ...) -> Call[types.RequestEnrollmentTokenReply]:
        """POST /platform/configuration/security/enrollment-tokens"""
    def create_extension(self, *, body: types.CreateExtensionRequest | str | bytes, timeout: Timeout = ...) -> Call[types.Extension]:
        """POST /deployments/extensions"""
    def create_instance_configuration(self, *, body: types.InstanceConfiguration | str | bytes, region: str | None = ..., timeout: Timeout = ...) -> Call[types.VersionedIdResponse]:
        """POST /platform/configuration/instances"""
    def create_ldap_configuration(self, *, body: types.LdapSettings | str | bytes, region: str | None = ..., timeout: Timeout = ...) -> Call[types.EmptyResponse]:
        """POST /platform/configuration/security/realms/ldap"""
    def create_organization_invitations(self, organization_id: str, *, body: types.OrganizationInvitationRequest | str | bytes, timeout: Timeout = ...) -> Call[types.OrganizationInvitations]:
        """POST /organizations/{organization_id}/invitations"""
    def create_proxies_filtered_group(self, *, body: types.ProxiesFilteredGroup | str | bytes, region: str | None = ..., timeout: Timeout = ...) -> Call[types.ProxiesFilteredGroup]:
        """POST /platform/infrastructure/proxies/filtered-groups"""
    def create_saml_configuration(self, *, body: types.SamlSettings | str | bytes, region: str | None = ..., timeout: Timeout = ...) -> Call[types.EmptyResponse]:
        """POST /platform/configuration/security/realms/saml"""
    def create_security_deployment(self, *, body: types.SecurityDeploymentCreateRequest | str | bytes, region: str | None = ..., timeout: Timeout = ...) -> Call[types.IdResponse]:
        """POST /platform/configuration/security/deployment"""
    def create_traffic_filter_ruleset(self, *, body: types.TrafficFilterRulesetRequest | str | bytes, timeout: Timeout = ...) -> Call[types.TrafficFilterRulesetResponse]:
        """POST /deployments/traffic-filter/rulesets"""
    def create_traffic_filter_ruleset_association(self, ruleset_id: str, *, body: types.FilterAssociation | str | bytes, timeout: Timeout = ...) -> Call[types.EmptyResponse]:
        """POST /deployments/traffic-filter/rulesets/{ruleset_id}/associations"""
    def create_trust_relationship(self, *, body: types.TrustRelationshipCreateRequest | str | bytes, region: str | None = ..., timeout: Timeout = ...) -> Call[types.TrustRelationshipCreateResponse]:
        """POST /platform/configuration/trust-relationships"""
    def create_user(self, *, body: types.User | str | bytes, timeout: Timeout = ...) -> Call[types.User]:
        """POST /users"""
    def delete_active_directory_configuration(self, realm_id: str, *, version: str | int | None = ..., region: str | None = ..., timeout: Timeout = ...) -> Call[types.EmptyResponse]:
        """DELETE /platform/configuration/security/realms/active-directory/{realm_id}"""
    def delete_adminconsole_logging_settings(self, adminconsole_id: str, *, region: str | None = ..., timeout: Timeout = ...) -> Call[types.LoggingSettings]:
        """DELETE /platform/infrastructure/adminconsoles/{adminconsole_id}/logging_settings"""
    def delete_allocator(self, allocator_id: str, *, remove_instances: bool | None = ..., region: str | None = ..., timeout: Timeout = ...) -> Call[types.EmptyResponse]:
        """DELETE /platform/infrastructure/allocators/{allocator_id}"""
    def delete_allocator_logging_settings(self, allocator_id: str, *, region: str | None = ..., timeout: Timeout = ...) -> Call[types.LoggingSettings]:
        """DELETE /platform/infrastructure/allocators/{allocator_id}/logging_settings"""
    def delete_allocator_metadata_item(self, allocator_id: str, key: str, *, version: str | int | None = ..., region: str | None = ..., timeout: Timeout = ...) -> Call[list[types.MetadataItem]]:
        """DELETE /platform/infrastructure/allocators/{allocator_id}/metadata/{key}"""
    def delete_api_key(self, api_key_id: str, *, timeout: Timeout = ...) -> Call[types.EmptyResponse]:
        """DELETE /users/auth/keys/{api_key_id}"""
    def delete_api_keys(self, *, body: types.DeleteApiKeysRequest | str | bytes, timeout: Timeout = ...) -> Call[types.EmptyResponse]:
        """DELETE /users/auth/keys"""
    def delete_blueprinter_role(self, blueprinter_role_id: str, *, skip_validations: bool | None = ..., version: str | int | None = ..., region: str | None = ..., timeout: Timeout = ...) -> Call[types.EmptyResponse]:
        """DELETE /platform/infrastructure/blueprinter/roles/{blueprinter_role_id}"""
    def delete_comment(self, resource_type: str, resource_id: str, comment_id: str, *, version: str | int | None = ..., region: str | None = ..., timeout: Timeout = ...) -> Call[types.EmptyResponse]:
        """DELETE /comments/{resource_type}/{resource_id}/{comment_id}"""
    def delete_config_store_option(self, config_option_id: str, *, region: str | None = ..., timeout: Timeout = ...) -> Call[types.EmptyResponse]:
        """DELETE /platform/configuration/store/{config_option_id}"""
    def delete_constructor_logging_settings(self, constructor_id: str, *, region: str | None = ..., timeout: Timeout = ...) -> Call[types.LoggingSettings]:
        """DELETE /platform/infrastructure/constructors/{constructor_id}/logging_settings"""
    def delete_coordinator_candidate(self, coordinator_candidate_id: str, *, version: str | int | None = ..., region: str | None = ..., timeout: Timeout = ...) -> Call[types.EmptyResponse]:
        """DELETE /platform/infrastructure/coordinators/candidates/{coordinator_candidate_id}"""
    def delete_deployment(self, deployment_id: str, *, timeout: Timeout = ...) -> Call[types.DeploymentDeleteResponse]:
        """DELETE /deployments/{deployment_id}"""
    def delete_deployment_resource_proxy_requests(self, deployment_id: str, resource_kind: Literal["elasticsearch", "kibana", "enterprise_search"], ref_id: str, proxy_path: str, *, x_management_request: str | None = ..., body: Mapping[str, Any] | str | bytes | None = ..., timeout: Timeout = ...) -> Call[Any]:
        """DELETE /deployments/{deployment_id}/{resource_kind}/{ref_id}/proxy/{proxy_path}"""
    def delete_deployment_stateless_resource(self, deployment_id: str, stateless_resource_kind: Literal["kibana", "apm", "appsearch", "enterprise_search", "integrations_server"], ref_id: str, *, timeout: Timeout = ...) -> Call[types.DeploymentResourceCrudResponse]:
        """DELETE /deployments/{deployment_id}/{stateless_resource_kind}/{ref_id}"""
    def delete_deployment_template_v2(self, template_id: str, *, region: str, timeout: Timeout = ...) -> Call[types.EmptyResponse]:
        """DELETE /deployments/templates/{template_id}"""
    def delete_enrollment_token(self, token: str, *, region: str | None = ..., timeout: Timeout = ...) -> Call[types.EmptyResponse]:
        """DELETE /platform/configuration/security/enrollment-tokens/{token}"""
    def delete_extension(self, extension_id: str, *, timeout: Timeout = ...) -> Call[types.EmptyResponse]:
        """DELETE /deployments/extensions/{extension_id}"""
    def delete_extra_certificate(self, cert_id: str, *, region: str | None = ..., timeout: Timeout = ...) -> Call[types.EmptyResponse]:
        """DELETE /platform/configuration/security/extra_certs/{cert_id}"""
    def delete_instance_configuration(self, id: str, *, version: str | int | None = ..., only_test_version: bool | None = ..., region: str | None = ..., timeout: Timeout = ...) -> Call[types.EmptyResponse]:
        """DELETE /platform/configuration/instances/{id}"""
    def delete_ldap_configuration(self, realm_id: str, *, version: str | int | None = ..., region: str | None = ..., timeout: Timeout = ...) -> Call[types.EmptyResponse]:
        """DELETE /platform/configuration/security/realms/ldap/{realm_id}"""
    def delete_license(self, *, region: str | None = ..., timeout: Timeout = ...) -> Call[types.EmptyResponse]:
        """DELETE /platform/license"""
    def delete_organization_invitations(self, organization_id: str, invitation_tokens: str, *, timeout: Timeout = ...) -> Call[types.EmptyResponse]:
        """DELETE /organizations/{organization_id}/invitations/{invitation_tokens}"""
    def delete_organization_memberships(self, organization_id: str, user_ids: str, *, force: bool | None = ..., timeout: Timeout = ...) -> Call[types.EmptyResponse]:
        """DELETE /organizations/{organization_id}/members/{user_ids}"""
    def delete_proxies_filtered_group(self, proxies_filtered_group_id: str, *, version: str | int | None = ..., region: str | None = ..., timeout: Timeout = ...) -> Call[types.EmptyResponse]:
        """DELETE /platform/infrastructure/proxies/filtered-groups/{proxies_filtered_group_id}"""
    def delete_runner(self, runner_id: str, *, region: str | None = ..., timeout: Timeout = ...) -> Call[types.EmptyResponse]:
        """DELETE /platform/infrastructure/runners/{runner_id}"""
    def delete_runner_logging_settings(self, runner_id: str, *, region: str | None = ..., timeout: Timeout = ...) -> Call[types.LoggingSettings]:
        """DELETE /platform/infrastructure/runners/{runner_id}/logging_settings"""
    def delete_saml_configuration(self, realm_id: str, *, version: str | int | None = ..., region: str | None = ..., timeout: Timeout = ...) -> Call[types.EmptyResponse]:
        """DELETE /platform/configuration/security/realms/saml/{realm_id}"""
    def delete_snapshot_repository(self, repository_name: str, *, cleanup_deployments: bool | None = ..., region: str | None = ..., timeout: Timeout = ...) -> Call[types.EmptyResponse]:
        """DELETE /platform/configuration/snapshots/repositories/{repository_name}"""
    def delete_traffic_filter_ruleset(self, ruleset_id: str, *, ignore_associations: bool | None = ..., timeout: Timeout = ...) -> Call[types.EmptyResponse]:
        """DELETE /deployments/traffic-filter/rulesets/{ruleset_id}"""
    def delete_traffic_filter_ruleset_association(self, ruleset_id: str, association_type: str, associated_entity_id: str, *, timeout: Timeout = ...) -> Call[types.EmptyResponse]:
        """DELETE /deployments/traffic-filter/rulesets/{ruleset_id}/associations/{association_type}/{associated_entity_id}"""
    def delete_trust_relationship(self, trust_relationship_id: str, *, version: str | int | None = ..., region: str | None = ..., timeout: Timeout = ...) -> Call[types.EmptyResponse]:
        """DELETE /platform/configuration/trust-relationships/{trust_relationship_id}"""
    def delete_user(self, user_name: str, *, timeout: Timeout = ...) -> Call[types.EmptyResponse]:
        """DELETE /users/{user_name}"""
    def delete_user_api_key(self, user_id: str, api_key_id: str, *, timeout: Timeout = ...) -> Call[types.EmptyResponse]:
        """DELETE /users/{user_id}/auth/keys/{api_key_id}"""
    def delete_user_api_keys(self, user_id: str, *, timeout: Timeout = ...) -> Call[types.EmptyResponse]:
        """DELETE /users/{user_id}/auth/keys"""
    def delete_users_api_keys(self, *, body: types.DeleteUsersApiKeysRequest | str | bytes, timeout: Timeout = ...) -> Call[types.EmptyResponse]:
        """DELETE /users/auth/keys/_all"""
    def delete_version_stack(self, version: str | int, *, region: str | None = ..., timeout: Timeout = ...) -> Call[types.EmptyResponse]:
        """DELETE /stack/versions/{version}"""
    def demote_coordinator(self, coordinator_id: str, *, region: str | None = ..., timeout: Timeout = ...) -> Call[types.EmptyResponse]:
        """POST /platform/infrastructure/coordinators/{coordinator_id}/_demote"""
    def deployment_apm_reset_secret_token(self, deployment_id: str, ref_id: str, *, timeout: Timeout = ...) -> Call[types.ApmCrudResponse]:
        """POST /deployments/{deployment_id}/apm/{ref_id}/_reset-token"""
    def download_deployment_instance_heap_dump(self, deployment_id: str, resource_kind: str, ref_id: str, instance_id: str, *, timeout: Timeout = ...) -> Call[bytes]:
        """GET /deployments/{deployment_id}/{resource_kind}/{ref_id}/instances/{instance_id}/heap_dump/_download"""
    def enable_deployment_resource_ccr(self, deployment_id: str, ref_id: str, *, validate_only: bool | None = ..., timeout: Timeout = ...) -> Call[types.DeploymentResourceCommandResponse]:
        """POST /deployments/{deployment_id}/elasticsearch/{ref_id}/_enable-ccr"""
    def enable_deployment_resource_ilm(self, deployment_id: str, ref_id: str, *, validate_only: bool | None = ..., body: types.EnableIlmRequest | str | bytes, timeout: Timeout = ...) -> Call[types.DeploymentResourceCommandResponse]:
        """POST /deployments/{deployment_id}/elasticsearch/{ref_id}/_enable-ilm"""
    def enable_deployment_resource_slm(self, deployment_id: str, ref_id: str, *, validate_only: bool | None = ..., timeout: Timeout = ...) -> Call[types.DeploymentResourceCommandResponse]:
        """POST /deployments/{deployment_id}/elasticsearch/{ref_id}/_enable-slm"""
    def get_active_directory_configuration(self, realm_id: str, *, region: str | None = ..., timeout: Timeout = ...) -> Call[types.ActiveDirectorySettings]:
        """GET /platform/configuration/security/realms/active-directory/{realm_id}"""
    def get_adminconsole_logging_settings(self, adminconsole_id: str, *, region: str | None = ..., timeout: Timeout = ...) -> Call[types.LoggingSettings]:
        """GET /platform/infrastructure/adminconsoles/{adminconsole_id}/logging_settings"""
    def get_adminconsoles(self, *, region: str | None = ..., timeout: Timeout = ...) -> Call[types.AdminconsolesOverview]:
        """GET /platform/infrastructure/adminconsoles"""
    def get_allocator(self, allocator_id: str, *, region: str | None = ..., timeout: Timeout = ...) -> Call[types.AllocatorInfo]:
        """GET /platform/infrastructure/allocators/{allocator_id}"""
    def get_allocator_logging_settings(self, allocator_id: str, *, region: str | None = ..., timeout: Timeout = ...) -> Call[types.LoggingSettings]:
        """GET /platform/infrastructure/allocators/{allocator_id}/logging_settings"""
    def get_allocator_metadata(self, allocator_id: str, *, region: str | None = ..., timeout: Timeout = ...) -> Call[list[types.MetadataItem]]:
        """GET /platform/infrastructure/allocators/{allocator_id}/metadata"""
    def get_allocator_settings(self, allocator_id: str, *, region: str | None = ..., timeout: Timeout = ...) -> Call[types.AllocatorSettings]:
        """GET /platform/infrastructure/allocators/{allocator_id}/settings"""
    def get_allocators(self, *, q: str | None = ..., size: int | None = ..., from_: int | None = ..., sort: str | None = ..., region: str | None = ..., timeout: Timeout = ...) -> Call[types.AllocatorOverview]:
        """GET /platform/infrastructure/allocators"""
    def get_api_base_url(self, *, region: str | None = ..., timeout: Timeout = ...) -> Call[types.ApiBaseUrlData]:
        """GET /platform/configuration/api_base_url"""
    def get_api_key(self, api_key_id: str, *, timeout: Timeout = ...) -> Call[types.ApiKeyResponse]:
        """GET /users/auth/keys/{api_key_id}"""
    def get_api_keys(self, *, timeout: Timeout = ...) -> Call[types.ApiKeysResponse]:
        """GET /users/auth/keys"""
    def get_appsearch_read_only_mode(self, deployment_id: str, ref_id: str, *, timeout: Timeout = ...) -> Call[types.ReadOnlyResponse]:
        """GET /deployments/{deployment_id}/appsearch/{ref_id}/read_only_mode"""
    def get_authentication_info(self, *, timeout: Timeout = ...) -> Call[types.AuthenticationInfo]:
        """GET /users/auth"""
    def get_blueprinter_role(self, blueprinter_role_id: str, *, region: str | None = ..., timeout: Timeout = ...) -> Call[types.RoleAggregate]:
        """GET /platform/infrastructure/blueprinter/roles/{blueprinter_role_id}"""
    def get_comment(self, resource_type: str, resource_id: str, comment_id: str, *, region: str | None = ..., timeout: Timeout = ...) -> Call[types.Comment]:
        """GET /comments/{resource_type}/{resource_id}/{comment_id}"""
    def get_config_store_option(self, config_option_id: str, *, region: str | None = ..., timeout: Timeout = ...) -> Call[types.ConfigStoreOption]:
        """GET /platform/configuration/store/{config_option_id}"""
    def get_constructor(self, constructor_id: str, *, region: str | None = ..., timeout: Timeout = ...) -> Call[types.ConstructorInfo]:
        """GET /platform/infrastructure/constructors/{constructor_id}"""
    def get_constructor_logging_settings(self, constructor_id: str, *, region: str | None = ..., timeout: Timeout = ...) -> Call[types.LoggingSettings]:
        """GET /platform/infrastructure/constructors/{constructor_id}/logging_settings"""
    def get_constructors(self, *, region: str | None = ..., timeout: Timeout = ...) -> Call[types.ConstructorOverview]:
        """GET /platform/infrastructure/constructors"""
    def get_coordinator(self, coordinator_id: str, *, region: str | None = ..., timeout: Timeout = ...) -> Call[types.CoordinatorSummary]:
        """GET /platform/infrastructure/coordinators/{coordinator_id}"""
    def get_coordinator_candidate(self, coordinator_candidate_id: str, *, region: str | None = ..., timeout: Timeout = ...) -> Call[types.CoordinatorCandidateInfo]:
        """GET /platform/infrastructure/coordinators/candidates/{coordinator_candidate_id}"""
    def get_coordinator_candidates(self, *, region: str | None = ..., timeout: Timeout = ...) -> Call[types.CoordinatorCandidatesSummary]:
        """GET /platform/infrastructure/coordinators/candidates"""
    def get_coordinators(self, *, region: str | None = ..., timeout: Timeout = ...) -> Call[types.CoordinatorsSummary]:
        """GET /platform/infrastructure/coordinators"""
    def get_costs_charts(self, organization_id: str, *, from_: str | None = ..., to: str | None = ..., bucketing_strategy: Literal["daily", "monthly"] | None = ..., timeout: Timeout = ...) -> Call[types.ChartItems]:
        """GET /billing/costs/{organization_id}/charts"""
    def get_costs_charts_by_deployment(self, organization_id: str, deployment_id: str, *, from_: str | None = ..., to: str | None = ..., bucketing_strategy: Literal["daily", "monthly"] | None = ..., timeout: Timeout = ...) -> Call[types.ChartItems]:
        """GET /billing/costs/{organization_id}/deployments/{deployment_id}/charts"""
    def get_costs_deployments(self, organization_id: str, *, from_: str | None = ..., to: str | None = ..., accept: str | None = ..., timeout: Timeout = ...) -> Call[types.DeploymentsCosts]:
        """GET /billing/costs/{organization_id}/deployments"""
    def get_costs_items(self, organization_id: str, *, from_: str | None = ..., to: str | None = ..., timeout: Timeout = ...) -> Call[types.ItemsCosts]:
        """GET /billing/costs/{organization_id}/items"""
    def get_costs_items_by_deployment(self, organization_id: str, deployment_id: str, *, from_: str | None = ..., to: str | None = ..., accept: str | None = ..., timeout: Timeout = ...) -> Call[types.ItemsCosts]:
        """GET /billing/costs/{organization_id}/deployments/{deployment_id}/items"""
    def get_costs_overview(self, organization_id: str, *, from_: str | None = ..., to: str | None = ..., timeout: Timeout = ...) -> Call[types.CostsOverview]:
        """GET /billing/costs/{organization_id}"""
    def get_current_account(self, *, timeout: Timeout = ...) -> Call[types.AccountResponse]:
        """GET /account"""
    def get_current_user(self, *, timeout: Timeout = ...) -> Call[types.User]:
        """GET /user"""
    def get_default_deployment_domain_name(self, *, region: str | None = ..., timeout: Timeout = ...) -> Call[types.DeploymentDomainName]:
        """GET /platform/configuration/networking/deployment_domain_name"""
    def get_deployment(self, deployment_id: str, *, show_security: bool | None = ..., show_metadata: bool | None = ..., show_plans: bool | None = ..., show_plan_logs: bool | None = ..., show_plan_history: bool | None = ..., show_plan_defaults: bool | None = ..., convert_legacy_plans: bool | None = ..., show_system_alerts: int | None = ..., show_settings: bool | None = ..., show_instance_configurations: bool | None = ..., enrich_with_template: bool | None = ..., force_all_plan_history: bool | None = ..., clear_transient: bool | None = ..., timeout: Timeout = ...) -> Call[types.DeploymentGetResponse]:
        """GET /deployments/{deployment_id}"""
    def get_deployment_apm_resource_info(self, deployment_id: str, ref_id: str, *, show_metadata: bool | None = ..., show_plans: bool | None = ..., show_plan_logs: bool | None = ..., show_plan_history: bool | None = ..., show_plan_defaults: bool | None = ..., show_settings: bool | None = ..., clear_transient: bool | None = ..., timeout: Timeout = ...) -> Call[types.ApmResourceInfo]:
        """GET /deployments/{deployment_id}/apm/{ref_id}"""
    def get_deployment_appsearch_resource_info(self, deployment_id: str, ref_id: str, *, show_metadata: bool | None = ..., show_plans: bool | None = ..., show_plan_logs: bool | None = ..., show_plan_history: bool | None = ..., show_plan_defaults: bool | None = ..., show_settings: bool | None = ..., clear_transient: bool | None = ..., timeout: Timeout = ...) -> Call[types.AppSearchResourceInfo]:
        """GET /deployments/{deployment_id}/appsearch/{ref_id}"""
    def get_deployment_certificate_authority(self, deployment_id: str, *, timeout: Timeout = ...) -> Call[types.CertificateAuthority]:
        """GET /deployments/{deployment_id}/certificate-authority"""
    def get_deployment_enterprise_search_resource_info(self, deployment_id: str, ref_id: str, *, show_metadata: bool | None = ..., show_plans: bool | None = ..., show_plan_logs: bool | None = ..., show_plan_history: bool | None = ..., show_plan_defaults: bool | None = ..., show_settings: bool | None = ..., clear_transient: bool | None = ..., timeout: Timeout = ...) -> Call[types.EnterpriseSearchResourceInfo]:
        """GET /deployments/{deployment_id}/enterprise_search/{ref_id}"""
    def get_deployment_es_resource_eligible_remote_clusters(self, deployment_id: str, ref_id: str, *, body: types.SearchRequest | str | bytes | None = ..., timeout: Timeout = ...) -> Call[types.DeploymentsSearchResponse]:
        """POST /deployments/{deployment_id}/elasticsearch/{ref_id}/eligible-remote-clusters"""
    def get_deployment_es_resource_info(self, deployment_id: str, ref_id: str, *, show_security: bool | None = ..., show_metadata: bool | None = ..., show_plans: bool | None = ..., show_plan_logs: bool | None = ..., show_plan_history: bool | None = ..., show_plan_defaults: bool | None = ..., convert_legacy_plans: bool | None = ..., show_system_alerts: int | None = ..., show_settings: bool | None = ..., enrich_with_template: bool | None = ..., clear_transient: bool | None = ..., timeout: Timeout = ...) -> Call[types.ElasticsearchResourceInfo]:
        """GET /deployments/{deployment_id}/elasticsearch/{ref_id}"""
    def get_deployment_es_resource_keystore(self, deployment_id: str, ref_id: str, *, timeout: Timeout = ...) -> Call[types.KeystoreContents]:
        """GET /deployments/{deployment_id}/elasticsearch/{ref_id}/keystore"""
    def get_deployment_es_resource_remote_clusters(self, deployment_id: str, ref_id: str, *, timeout: Timeout = ...) -> Call[types.RemoteResources]:
        """GET /deployments/{deployment_id}/elasticsearch/{ref_id}/remote-clusters"""
    def get_deployment_heap_dumps(self, deployment_id: str, *, timeout: Timeout = ...) -> Call[types.DeploymentHeapDumps]:
        """GET /deployments/{deployment_id}/heap_dumps"""
    def get_deployment_integrations_server_resource_info(self, deployment_id: str, ref_id: str, *, show_metadata: bool | None = ..., show_plans: bool | None = ..., show_plan_logs: bool | None = ..., show_plan_history: bool | None = ..., show_plan_defaults: bool | None = ..., show_settings: bool | None = ..., clear_transient: bool | None = ..., timeout: Timeout = ...) -> Call[types.IntegrationsServerResourceInfo]:
        """GET /deployments/{deployment_id}/integrations_server/{ref_id}"""
    def get_deployment_kib_resource_info(self, deployment_id: str, ref_id: str, *, show_metadata: bool | None = ..., show_plans: bool | None = ..., show_plan_logs: bool | None = ..., show_plan_history: bool | None = ..., show_plan_defaults: bool | None = ..., convert_legacy_plans: bool | None = ..., show_settings: bool | None = ..., clear_transient: bool | None = ..., timeout: Timeout = ...) -> Call[types.KibanaResourceInfo]:
        """GET /deployments/{deployment_id}/kibana/{ref_id}"""
    def get_deployment_resource_plan_activity(self, deployment_id: str, resource_kind: Literal["elasticsearch", "kibana", "apm", "appsearch", "enterprise_search", "integrations_server"], ref_id: str, attempt_id: str, *, timeout: Timeout = ...) -> Call[types.CommonClusterPlanInfo]:
        """GET /deployments/{deployment_id}/{resource_kind}/{ref_id}/activity/{attempt_id}"""
    def get_deployment_resource_proxy_requests(self, deployment_id: str, resource_kind: Literal["elasticsearch", "kibana", "enterprise_search"], ref_id: str, proxy_path: str, *, x_management_request: str | None = ..., body: Mapping[str, Any] | str | bytes | None = ..., timeout: Timeout = ...) -> Call[Any]:
        """GET /deployments/{deployment_id}/{resource_kind}/{ref_id}/proxy/{proxy_path}"""
    def get_deployment_template_v2(self, template_id: str, *, show_instance_configurations: bool | None = ..., show_max_zones: bool | None = ..., stack_version: str | None = ..., region: str, timeout: Timeout = ...) -> Call[types.DeploymentTemplateInfoV2]:
        """GET /deployments/templates/{template_id}"""
    def get_deployment_templates_v2(self, *, metadata: str | None = ..., show_instance_configurations: bool | None = ..., show_max_zones: bool | None = ..., stack_version: str | None = ..., hide_deprecated: bool | None = ..., show_hidden: bool | None = ..., region: str, timeout: Timeout = ...) -> Call[list[types.DeploymentTemplateInfoV2]]:
        """GET /deployments/templates"""
    def get_deployment_upgrade_assistant_status(self, deployment_id: str, *, timeout: Timeout = ...) -> Call[types.DeploymentUpgradeAssistantStatusResponse]:
        """GET /deployments/{deployment_id}/upgrade_assistant/status"""
    def get_enrollment_tokens(self, *, region: str | None = ..., timeout: Timeout = ...) -> Call[types.ListEnrollmentTokenReply]:
        """GET /platform/configuration/security/enrollment-tokens"""
    def get_extension(self, extension_id: str, *, include_deployments: bool | None = ..., timeout: Timeout = ...) -> Call[types.Extension]:
        """GET /deployments/extensions/{extension_id}"""
    def get_extra_certificate(self, cert_id: str, *, region: str | None = ..., timeout: Timeout = ...) -> Call[types.PublicCertChain]:
        """GET /platform/configuration/security/extra_certs/{cert_id}"""
    def get_extra_certificates(self, *, region: str | None = ..., timeout: Timeout = ...) -> Call[types.PublicCertChainCollection]:
        """GET /platform/configuration/security/extra_certs"""
    def get_global_deployment_templates(self, *, region: str | None = ..., timeout: Timeout = ...) -> Call[list[types.GlobalDeploymentTemplateInfo]]:
        """GET /platform/configuration/templates/deployments/global"""
    def get_instance_configuration(self, id: str, *, config_version: int | None = ..., show_deleted: bool | None = ..., show_max_zones: bool | None = ..., region: str | None = ..., timeout: Timeout = ...) -> Call[types.InstanceConfiguration]:
        """GET /platform/configuration/instances/{id}"""
    def get_instance_configurations(self, *, show_deleted: bool | None = ..., show_max_zones: bool | None = ..., include_versions: bool | None = ..., region: str | None = ..., timeout: Timeout = ...) -> Call[list[types.InstanceConfiguration]]:
        """GET /platform/configuration/instances"""
    def get_instance_types(self, *, region: str | None = ..., timeout: Timeout = ...) -> Call[list[types.InstanceTypeResource]]:
        """GET /stack/instance-types"""
    def get_ldap_configuration(self, realm_id: str, *, region: str | None = ..., timeout: Timeout = ...) -> Call[types.LdapSettings]:
        """GET /platform/configuration/security/realms/ldap/{realm_id}"""
    def get_license(self, *, region: str | None = ..., timeout: Timeout = ...) -> Call[types.LicenseObject]:
        """GET /platform/license"""
    def get_organization(self, organization_id: str, *, timeout: Timeout = ...) -> Call[types.Organization]:
        """GET /organizations/{organization_id}"""
    def get_organization_invitation(self, invitation_token: str, *, timeout: Timeout = ...) -> Call[types.OrganizationInvitation]:
        """GET /organizations/invitations/{invitation_token}"""
    def get_platform(self, *, region: str | None = ..., timeout: Timeout = ...) -> Call[types.PlatformInfo]:
        """GET /platform"""
    def get_proxies(self, *, region: str | None = ..., timeout: Timeout = ...) -> Call[types.ProxyOverview]:
        """GET /platform/infrastructure/proxies"""
    def get_proxies_filtered_group(self, proxies_filtered_group_id: str, *, region: str | None = ..., timeout: Timeout = ...) -> Call[types.ProxiesFilteredGroup]:
        """GET /platform/infrastructure/proxies/filtered-groups/{proxies_filtered_group_id}"""
    def get_proxies_filtered_group_health(self, proxies_filtered_group_id: str, *, expect_status: str | None = ..., region: str | None = ..., timeout: Timeout = ...) -> Call[types.ProxiesFilteredGroupHealth]:
        """GET /platform/infrastructure/proxies/filtered-groups/{proxies_filtered_group_id}/health"""
    def get_proxies_health(self, *, expect_status: str | None = ..., region: str | None = ..., timeout: Timeout = ...) -> Call[types.ProxiesHealth]:
        """GET /platform/infrastructure/proxies/health"""
    @deprecated('Deprecated by Elastic.')
    def get_proxies_settings(self, *, region: str | None = ..., timeout: Timeout = ...) -> Call[types.ProxiesSettings]:
        """GET /platform/infrastructure/proxies/settings"""
    def get_proxy(self, proxy_id: str, *, region: str | None = ..., timeout: Timeout = ...) -> Call[types.ProxyInfo]:
        """GET /platform/infrastructure/proxies/{proxy_id}"""
    def get_resource_kind_deployment_domain_name(self, resource_kind: Literal["elasticsearch", "kibana", "apm", "appsearch", "enterprise_search", "integrations_server"], *, region: str | None = ..., timeout: Timeout = ...) -> Call[types.DeploymentDomainName]:
        """GET /platform/configuration/networking/deployment_domain_name/{resource_kind}"""
    def get_runner(self, runner_id: str, *, region: str | None = ..., timeout: Timeout = ...) -> Call[types.RunnerInfo]:
        """GET /platform/infrastructure/runners/{runner_id}"""
    def get_runner_logging_settings(self, runner_id: str, *, region: str | None = ..., timeout: Timeout = ...) -> Call[types.LoggingSettings]:
        """GET /platform/infrastructure/runners/{runner_id}/logging_settings"""
    def get_runners(self, *, q: str | None = ..., region: str | None = ..., timeout: Timeout = ...) -> Call[types.RunnerOverview]:
        """GET /platform/infrastructure/runners"""
    def get_saml_configuration(self, realm_id: str, *, region: str | None = ..., timeout: Timeout = ...) -> Call[types.SamlSettings]:
        """GET /platform/configuration/security/realms/saml/{realm_id}"""
    def get_security_deployment(self, *, region: str | None = ..., timeout: Timeout = ...) -> Call[types.SecurityDeployment]:
        """GET /platform/configuration/security/deployment"""
    def get_security_realm_configurations(self, *, region: str | None = ..., timeout: Timeout = ...) -> Call[types.SecurityRealmInfoList]:
        """GET /platform/configuration/security/realms"""
    def get_snapshot_repositories(self, *, region: str | None = ..., timeout: Timeout = ...) -> Call[types.RepositoryConfigs]:
        """GET /platform/configuration/snapshots/repositories"""
    def get_snapshot_repository(self, repository_name: str, *, region: str | None = ..., timeout: Timeout = ...) -> Call[types.RepositoryConfig]:
        """GET /platform/configuration/snapshots/repositories/{repository_name}"""
    def get_telemetry_config(self, *, timeout: Timeout = ...) -> Call[types.TelemetryConfig]:
        """GET /phone-home/config"""
    def get_tls_certificate(self, service_name: Literal["adminconsole", "proxy", "ui", "internalca"], *, region: str | None = ..., timeout: Timeout = ...) -> Call[types.TlsPublicCertChain]:
        """GET /platform/configuration/security/tls/{service_name}"""
    def get_traffic_filter_claimed_link_ids(self, *, region: str | None = ..., organization_id: str | None = ..., timeout: Timeout = ...) -> Call[types.TrafficFilterClaimedLinkIds]:
        """GET /deployments/traffic-filter/link-ids"""
    def get_traffic_filter_deployment_ruleset_associations(self, association_type: str, associated_entity_id: str, *, timeout: Timeout = ...) -> Call[types.TrafficFilterSettings]:
        """GET /deployments/traffic-filter/associations/{association_type}/{associated_entity_id}/rulesets"""
    def get_traffic_filter_ruleset(self, ruleset_id: str, *, include_associations: bool | None = ..., timeout: Timeout = ...) -> Call[types.TrafficFilterRulesetInfo]:
        """GET /deployments/traffic-filter/rulesets/{ruleset_id}"""
    def get_traffic_filter_ruleset_deployment_associations(self, ruleset_id: str, *, timeout: Timeout = ...) -> Call[types.RulesetAssociations]:
        """GET /deployments/traffic-filter/rulesets/{ruleset_id}/associations"""
    def get_traffic_filter_rulesets(self, *, include_associations: bool | None = ..., region: str | None = ..., organization_id: str | None = ..., timeout: Timeout = ...) -> Call[types.TrafficFilterRulesets]:
        """GET /deployments/traffic-filter/rulesets"""
    def get_trust_relationship(self, trust_relationship_id: str, *, include_certificate: bool | None = ..., region: str | None = ..., timeout: Timeout = ...) -> Call[types.TrustRelationshipGetResponse]:
        """GET /platform/configuration/trust-relationships/{trust_relationship_id}"""
    def get_trust_relationships(self, *, include_certificate: bool | None = ..., filter: Literal["all", "local", "non-local"] | None = ..., region: str | None = ..., timeout: Timeout = ...) -> Call[types.TrustRelationshipsListResponse]:
        """GET /platform/configuration/trust-relationships"""
    def get_trusted_envs(self, *, organization_id: str | None = ..., timeout: Timeout = ...) -> Call[types.ElasticsearchClusterTrustSettings]:
        """GET /trusted-environments"""
    def get_user(self, user_name: str, *, timeout: Timeout = ...) -> Call[types.User]:
        """GET /users/{user_name}"""
    def get_user_api_key(self, user_id: str, api_key_id: str, *, timeout: Timeout = ...) -> Call[types.ApiKeyResponse]:
        """GET /users/{user_id}/auth/keys/{api_key_id}"""
    def get_user_api_keys(self, user_id: str, *, timeout: Timeout = ...) -> Call[types.ApiKeysResponse]:
        """GET /users/{user_id}/auth/keys"""
    def get_users(self, *, include_disabled: bool | None = ..., timeout: Timeout = ...) -> Call[types.UserList]:
        """GET /users"""
    def get_users_api_keys(self, *, timeout: Timeout = ...) -> Call[types.ApiKeysResponse]:
        """GET /users/auth/keys/_all"""
    def get_version_stack(self, version: str | int, *, region: str | None = ..., timeout: Timeout = ...) -> Call[types.StackVersionConfig]:
        """GET /stack/versions/{version}"""
    def get_version_stacks(self, *, show_deleted: bool | None = ..., show_unusable: bool | None = ..., region: str | None = ..., timeout: Timeout = ...) -> Call[types.StackVersionConfigs]:
        """GET /stack/versions"""
    def list_blueprinter_roles(self, *, region: str | None = ..., timeout: Timeout = ...) -> Call[types.RoleAggregates]:
        """GET /platform/infrastructure/blueprinter/roles"""
    def list_comment(self, resource_type: str, resource_id: str, *, region: str | None = ..., timeout: Timeout = ...) -> Call[types.CommentsWithMetas]:
        """GET /comments/{resource_type}/{resource_id}"""
    def list_config_store_option(self, *, region: str | None = ..., timeout: Timeout = ...) -> Call[types.ConfigStoreOptionList]:
        """GET /platform/configuration/store"""
    def list_deployments(self, *, timeout: Timeout = ...) -> Call[types.DeploymentsListResponse]:
        """GET /deployments"""
    def list_extensions(self, *, timeout: Timeout = ...) -> Call[types.Extensions]:
        """GET /deployments/extensions"""
    def list_organization_invitations(self, organization_id: str, *, timeout: Timeout = ...) -> Call[types.OrganizationInvitations]:
        """GET /organizations/{organization_id}/invitations"""
    def list_organization_members(self, organization_id: str, *, timeout: Timeout = ...) -> Call[types.OrganizationMemberships]:
        """GET /organizations/{organization_id}/members"""
    def list_organizations(self, *, timeout: Timeout = ...) -> Call[types.OrganizationList]:
        """GET /organizations"""
    @deprecated('Refused: call cloud.login() instead.')
    def login(self, *, body: types.LoginRequest | str | bytes, timeout: Timeout = ...) -> Call[types.TokenResponse]:
        """POST /users/auth/_login"""
    @deprecated('Refused: call cloud.logout() instead.')
    def logout(self, *, timeout: Timeout = ...) -> Call[types.EmptyResponse]:
        """POST /users/auth/_logout"""
    def methods(self, *, timeout: Timeout = ...) -> Call[types.AvailableAuthenticationMethods]:
        """GET /users/auth/methods"""
    def migrate_deployment_template(self, deployment_id: str, *, template_id: str, timeout: Timeout = ...) -> Call[types.DeploymentUpdateRequest]:
        """GET /deployments/{deployment_id}/migrate_template"""
    def move_clusters(self, allocator_id: str, *, force_update: bool | None = ..., move_only: bool | None = ..., force_move: bool | None = ..., allocator_down: bool | None = ..., validate_only: bool | None = ..., body: types.MoveClustersRequest | str | bytes | None = ..., region: str | None = ..., timeout: Timeout = ...) -> Call[types.MoveClustersCommandResponse]:
        """POST /platform/infrastructure/allocators/{allocator_id}/clusters/_move"""
    def move_clusters_by_type(self, allocator_id: str, cluster_type: Literal["apm", "appsearch", "elasticsearch", "enterprise_search", "kibana"], *, force_update: bool | None = ..., move_only: bool | None = ..., force_move: bool | None = ..., allocator_down: bool | None = ..., validate_only: bool | None = ..., body: types.MoveClustersRequest | str | bytes | None = ..., region: str | None = ..., timeout: Timeout = ...) -> Call[types.MoveClustersCommandResponse]:
        """POST /platform/infrastructure/allocators/{allocator_id}/clusters/{cluster_type}/_move"""
    def move_deployment_elasticsearch_resource_instances(self, deployment_id: str, ref_id: str, instance_ids: Sequence[str], *, ignore_missing: bool | None = ..., force_update: bool | None = ..., instances_down: bool | None = ..., move_only: bool | None = ..., force_move: bool | None = ..., validate_only: bool | None = ..., body: types.TransientElasticsearchPlanConfiguration | str | bytes | None = ..., timeout: Timeout = ...) -> Call[types.TransientElasticsearchPlanConfiguration | types.EmptyResponse]:
        """POST /deployments/{deployment_id}/elasticsearch/{ref_id}/instances/{instance_ids}/_move"""
    def patch_current_account(self, *, body: Mapping[str, Any] | str | bytes, timeout: Timeout = ...) -> Call[types.AccountResponse]:
        """PATCH /account"""
    def post_deployment_resource_proxy_requests(self, deployment_id: str, resource_kind: Literal["elasticsearch", "kibana", "enterprise_search"], ref_id: str, proxy_path: str, *, x_management_request: str | None = ..., body: Mapping[str, Any] | str | bytes | None = ..., timeout: Timeout = ...) -> Call[Any]:
        """POST /deployments/{deployment_id}/{resource_kind}/{ref_id}/proxy/{proxy_path}"""
    def promote_coordinator_candidate(self, coordinator_candidate_id: str, *, region: str | None = ..., timeout: Timeout = ...) -> Call[types.CoordinatorCandidateInfo]:
        """POST /platform/infrastructure/coordinators/candidates/{coordinator_candidate_id}/_promote"""
    def put_config_store_option(self, config_option_id: str, *, version: str | int | None = ..., body: types.ConfigStoreOptionData | str | bytes, region: str | None = ..., timeout: Timeout = ...) -> Call[types.ConfigStoreOption]:
        """PUT /platform/configuration/store/{config_option_id}"""
    def put_deployment_resource_proxy_requests(self, deployment_id: str, resource_kind: Literal["elasticsearch", "kibana", "enterprise_search"], ref_id: str, proxy_path: str, *, x_management_request: str | None = ..., body: Mapping[str, Any] | str | bytes | None = ..., timeout: Timeout = ...) -> Call[Any]:
        """PUT /deployments/{deployment_id}/{resource_kind}/{ref_id}/proxy/{proxy_path}"""
    @deprecated('Refused: call cloud.refresh() instead.')
    def refresh_token(self, *, timeout: Timeout = ...) -> Call[types.TokenResponse]:
        """POST /users/auth/_refresh"""
    def reindex_adminconsoles(self, *, region: str | None = ..., timeout: Timeout = ...) -> Call[types.EmptyResponse]:
        """POST /platform/infrastructure/adminconsoles/_reindex"""
    def remove_role_assignments(self, user_id: str, *, force: bool | None = ..., body: types.RoleAssignments | str | bytes, timeout: Timeout = ...) -> Call[types.EmptyResponse]:
        """DELETE /users/{user_id}/role_assignments"""
    def reorder_security_realms(self, *, body: types.SecurityRealmsReorderRequest | str | bytes, region: str | None = ..., timeout: Timeout = ...) -> Call[types.EmptyResponse]:
        """POST /platform/configuration/security/realms/_reorder"""
    def reset_elasticsearch_user_password(self, deployment_id: str, ref_id: str, *, check_completion: bool | None = ..., timeout: Timeout = ...) -> Call[types.ElasticsearchElasticUserPasswordResetResponse]:
        """POST /deployments/{deployment_id}/elasticsearch/{ref_id}/_reset-password"""
    def restart_deployment_es_resource(self, deployment_id: str, ref_id: str, *, restore_snapshot: bool | None = ..., skip_snapshot: bool | None = ..., cancel_pending: bool | None = ..., group_attribute: str | None = ..., shard_init_wait_time: int | None = ..., timeout: Timeout = ...) -> Call[types.DeploymentResourceCommandResponse]:
        """POST /deployments/{deployment_id}/elasticsearch/{ref_id}/_restart"""
    def restart_deployment_stateless_resource(self, deployment_id: str, stateless_resource_kind: Literal["kibana", "apm", "appsearch", "enterprise_search", "integrations_server"], ref_id: str, *, cancel_pending: bool | None = ..., timeout: Timeout = ...) -> Call[types.DeploymentResourceCommandResponse]:
        """POST /deployments/{deployment_id}/{stateless_resource_kind}/{ref_id}/_restart"""
    def restore_deployment(self, deployment_id: str, *, restore_snapshot: bool | None = ..., timeout: Timeout = ...) -> Call[types.DeploymentRestoreResponse]:
        """POST /deployments/{deployment_id}/_restore"""
    def restore_deployment_resource(self, deployment_id: str, resource_kind: Literal["elasticsearch", "kibana", "apm", "appsearch", "enterprise_search", "integrations_server"], ref_id: str, *, restore_snapshot: bool | None = ..., timeout: Timeout = ...) -> Call[types.DeploymentResourceCrudResponse]:
        """POST /deployments/{deployment_id}/{resource_kind}/{ref_id}/_restore"""
    def resync_allocator(self, allocator_id: str, *, region: str | None = ..., timeout: Timeout = ...) -> Call[types.EmptyResponse]:
        """POST /platform/infrastructure/allocators/{allocator_id}/_resync"""
    def resync_allocators(self, *, skip_matching_version: bool | None = ..., region: str | None = ..., timeout: Timeout = ...) -> Call[types.ModelVersionIndexSynchronizationResults]:
        """POST /platform/infrastructure/allocators/_resync"""
    def resync_constructor(self, constructor_id: str, *, region: str | None = ..., timeout: Timeout = ...) -> Call[types.EmptyResponse]:
        """POST /platform/infrastructure/constructors/{constructor_id}/_resync"""
    def resync_constructors(self, *, skip_matching_version: bool | None = ..., region: str | None = ..., timeout: Timeout = ...) -> Call[types.ModelVersionIndexSynchronizationResults]:
        """POST /platform/infrastructure/constructors/_resync"""
    def resync_deployment(self, deployment_id: str, *, timeout: Timeout = ...) -> Call[types.IndexSynchronizationResults]:
        """POST /deployments/{deployment_id}/_resync"""
    def resync_deployments(self, *, skip_matching_version: bool | None = ..., timeout: Timeout = ...) -> Call[types.IndexSynchronizationResults]:
        """POST /deployments/_resync"""
    def resync_runner(self, runner_id: str, *, region: str | None = ..., timeout: Timeout = ...) -> Call[types.EmptyResponse]:
        """POST /platform/infrastructure/runners/{runner_id}/_resync"""
    def resync_runners(self, *, skip_matching_version: bool | None = ..., region: str | None = ..., timeout: Timeout = ...) -> Call[types.ModelVersionIndexSynchronizationResults]:
        """POST /platform/infrastructure/runners/_resync"""
    def saml_callback(self, *, saml_response: str, relay_state: str | None = ..., timeout: Timeout = ...) -> Call[None]:
        """POST /users/auth/saml/_callback"""
    def saml_init(self, *, state: str | None = ..., timeout: Timeout = ...) -> Call[None]:
        """GET /users/auth/saml/_init"""
    def search_allocators(self, *, body: types.SearchRequest | str | bytes | None = ..., region: str | None = ..., timeout: Timeout = ...) -> Call[types.AllocatorOverview]:
        """POST /platform/infrastructure/allocators/_search"""
    def search_deployments(self, *, minimal_metadata: str | None = ..., body: types.SearchRequest | str | bytes | None = ..., timeout: Timeout = ...) -> Call[types.DeploymentsSearchResponse]:
        """POST /deployments/_search"""
    def search_eligible_remote_clusters(self, *, version: str | int, body: types.SearchRequest | str | bytes | None = ..., timeout: Timeout = ...) -> Call[types.DeploymentsSearchResponse]:
        """POST /deployments/eligible-remote-clusters"""
    def search_runners(self, *, body: types.SearchRequest | str | bytes | None = ..., region: str | None = ..., timeout: Timeout = ...) -> Call[types.RunnerOverview]:
        """POST /platform/infrastructure/runners/_search"""
    def set_adminconsole_logging_settings(self, adminconsole_id: str, *, body: types.LoggingSettings | str | bytes, region: str | None = ..., timeout: Timeout = ...) -> Call[types.LoggingSettings]:
        """PUT /platform/infrastructure/adminconsoles/{adminconsole_id}/logging_settings"""
    def set_all_instances_settings_overrides(self, deployment_id: str, resource_kind: str, ref_id: str, *, restart_after_update: bool | None = ..., body: types.InstanceOverrides | str | bytes, timeout: Timeout = ...) -> Call[types.InstanceOverrides]:
        """PUT /deployments/{deployment_id}/{resource_kind}/{ref_id}/instances/overrides"""
    def set_allocator_logging_settings(self, allocator_id: str, *, body: types.LoggingSettings | str | bytes, region: str | None = ..., timeout: Timeout = ...) -> Call[types.LoggingSettings]:
        """PUT /platform/infrastructure/allocators/{allocator_id}/logging_settings"""
    def set_allocator_metadata(self, allocator_id: str, *, version: str | int | None = ..., body: types.MetadataItems | str | bytes, region: str | None = ..., timeout: Timeout = ...) -> Call[list[types.MetadataItem]]:
        """PUT /platform/infrastructure/allocators/{allocator_id}/metadata"""
    def set_allocator_metadata_item(self, allocator_id: str, key: str, *, version: str | int | None = ..., body: types.MetadataItemValue | str | bytes, region: str | None = ..., timeout: Timeout = ...) -> Call[list[types.MetadataItem]]:
        """PUT /platform/infrastructure/allocators/{allocator_id}/metadata/{key}"""
    def set_allocator_settings(self, allocator_id: str, *, version: str | int | None = ..., body: types.AllocatorSettings | str | bytes, region: str | None = ..., timeout: Timeout = ...) -> Call[types.AllocatorSettings]:
        """PUT /platform/infrastructure/allocators/{allocator_id}/settings"""
    def set_api_base_url(self, *, version: str | int | None = ..., skip_cascading_operations: bool | None = ..., body: types.ApiBaseUrlData | str | bytes, region: str | None = ..., timeout: Timeout = ...) -> Call[types.ApiBaseUrlData]:
        """PUT /platform/configuration/api_base_url"""
    def set_appsearch_read_only_mode(self, deployment_id: str, ref_id: str, *, body: types.ReadOnlyRequest | str | bytes, timeout: Timeout = ...) -> Call[types.ReadOnlyResponse]:
        """PUT /deployments/{deployment_id}/appsearch/{ref_id}/read_only_mode"""
    def set_blueprinter_blessings(self, blueprinter_role_id: str, *, version: str | int | None = ..., body: types.Blessings | str | bytes, region: str | None = ..., timeout: Timeout = ...) -> Call[types.RoleAggregate]:
        """PUT /platform/infrastructure/blueprinter/roles/{blueprinter_role_id}/blessings"""
    def set_constructor_logging_settings(self, constructor_id: str, *, body: types.LoggingSettings | str | bytes, region: str | None = ..., timeout: Timeout = ...) -> Call[types.LoggingSettings]:
        """PUT /platform/infrastructure/constructors/{constructor_id}/logging_settings"""
    def set_default_deployment_domain_name(self, *, version: str | int | None = ..., skip_cascading_operations: bool | None = ..., body: types.DeploymentDomainName | str | bytes, region: str | None = ..., timeout: Timeout = ...) -> Call[types.DeploymentDomainName]:
        """PUT /platform/configuration/networking/deployment_domain_name"""
    def set_deployment_es_resource_keystore(self, deployment_id: str, ref_id: str, *, body: types.KeystoreContents | str | bytes, timeout: Timeout = ...) -> Call[types.KeystoreContents]:
        """PATCH /deployments/{deployment_id}/elasticsearch/{ref_id}/keystore"""
    def set_deployment_es_resource_remote_clusters(self, deployment_id: str, ref_id: str, *, body: types.RemoteResources | str | bytes, timeout: Timeout = ...) -> Call[types.EmptyResponse]:
        """PUT /deployments/{deployment_id}/elasticsearch/{ref_id}/remote-clusters"""
    def set_deployment_resource_raw_metadata(self, deployment_id: str, resource_kind: Literal["elasticsearch", "kibana", "apm", "appsearch", "enterprise_search", "integrations_server"], ref_id: str, *, version: str | int | None = ..., body: Mapping[str, Any] | str | bytes, timeout: Timeout = ...) -> Call[Any]:
        """POST /deployments/{deployment_id}/{resource_kind}/{ref_id}/metadata/raw"""
    def set_deployment_template_v2(self, template_id: str, *, version: str | int | None = ..., create_only: bool | None = ..., validate_only: bool | None = ..., region: str, body: types.DeploymentTemplateRequestBody | str | bytes, timeout: Timeout = ...) -> Call[types.IdResponse]:
        """PUT /deployments/templates/{template_id}"""
    def set_extra_certificate(self, cert_id: str, *, body: Mapping[str, Any] | str | bytes, region: str | None = ..., timeout: Timeout = ...) -> Call[types.EmptyResponse]:
        """PUT /platform/configuration/security/extra_certs/{cert_id}"""
    def set_instance_configuration(self, id: str, *, version: str | int | None = ..., config_control: bool | None = ..., test_config: bool | None = ..., strict_mode: bool | None = ..., create_only: bool | None = ..., body: types.InstanceConfiguration | str | bytes, region: str | None = ..., timeout: Timeout = ...) -> Call[types.VersionedIdResponse]:
        """PUT /platform/configuration/instances/{id}"""
    def set_instance_settings_overrides(self, deployment_id: str, resource_kind: str, ref_id: str, instance_ids: Sequence[str], *, restart_after_update: bool | None = ..., ignore_missing: bool | None = ..., body: types.InstanceOverrides | str | bytes, timeout: Timeout = ...) -> Call[types.InstanceOverrides]:
        """PUT /deployments/{deployment_id}/{resource_kind}/{ref_id}/instances/{instance_ids}/overrides"""
    def set_license(self, *, body: types.LicenseObject | str | bytes, region: str | None = ..., timeout: Timeout = ...) -> Call[types.EmptyResponse]:
        """PUT /platform/license"""
    @deprecated('Deprecated by Elastic.')
    def set_proxies_settings(self, *, version: str | int | None = ..., body: types.ProxiesSettings | str | bytes, region: str | None = ..., timeout: Timeout = ...) -> Call[types.ProxiesSettings]:
        """PUT /platform/infrastructure/proxies/settings"""
    def set_resource_kind_deployment_domain_name(self, resource_kind: Literal["elasticsearch", "kibana", "apm", "appsearch", "enterprise_search", "integrations_server"], *, version: str | int | None = ..., skip_cascading_operations: bool | None = ..., body: types.DeploymentDomainName | str | bytes, region: str | None = ..., timeout: Timeout = ...) -> Call[types.DeploymentDomainName]:
        """PUT /platform/configuration/networking/deployment_domain_name/{resource_kind}"""
    def set_runner_logging_settings(self, runner_id: str, *, body: types.LoggingSettings | str | bytes, region: str | None = ..., timeout: Timeout = ...) -> Call[types.LoggingSettings]:
        """PUT /platform/infrastructure/runners/{runner_id}/logging_settings"""
    def set_runner_roles(self, runner_id: str, *, bless: bool | None = ..., body: types.RunnerRolesInfo | str | bytes, region: str | None = ..., timeout: Timeout = ...) -> Call[types.RunnerRolesInfo]:
        """PUT /platform/infrastructure/runners/{runner_id}/roles"""
    def set_snapshot_repository(self, repository_name: str, *, version: str | int | None = ..., body: types.SnapshotRepositoryConfiguration | str | bytes, region: str | None = ..., timeout: Timeout = ...) -> Call[types.RepositoryConfig]:
        """PUT /platform/configuration/snapshots/repositories/{repository_name}"""
    def set_telemetry_config(self, *, body: types.TelemetryConfigRequest | str | bytes, timeout: Timeout = ...) -> Call[types.TelemetryConfig]:
        """PUT /phone-home/config"""
    def set_tls_certificate(self, service_name: Literal["adminconsole", "proxy", "ui", "internalca"], *, body: Mapping[str, Any] | str | bytes, region: str | None = ..., timeout: Timeout = ...) -> Call[types.UpdatedTlsChain]:
        """POST /platform/configuration/security/tls/{service_name}"""
    def shutdown_deployment(self, deployment_id: str, *, hide: bool | None = ..., skip_snapshot: bool | None = ..., timeout: Timeout = ...) -> Call[types.DeploymentShutdownResponse]:
        """POST /deployments/{deployment_id}/_shutdown"""
    def shutdown_deployment_es_resource(self, deployment_id: str, ref_id: str, *, hide: bool | None = ..., skip_snapshot: bool | None = ..., timeout: Timeout = ...) -> Call[types.DeploymentResourceCommandResponse]:
        """POST /deployments/{deployment_id}/elasticsearch/{ref_id}/_shutdown"""
    def shutdown_deployment_stateless_resource(self, deployment_id: str, stateless_resource_kind: Literal["kibana", "apm", "appsearch", "enterprise_search", "integrations_server"], ref_id: str, *, hide: bool | None = ..., skip_snapshot: bool | None = ..., timeout: Timeout = ...) -> Call[types.DeploymentResourceCommandResponse]:
        """POST /deployments/{deployment_id}/{stateless_resource_kind}/{ref_id}/_shutdown"""
    def start_allocator_maintenance_mode(self, allocator_id: str, *, reason: str | None = ..., region: str | None = ..., timeout: Timeout = ...) -> Call[types.EmptyResponse]:
        """POST /platform/infrastructure/allocators/{allocator_id}/maintenance-mode/_start"""
    def start_constructor_maintenance_mode(self, constructor_id: str, *, region: str | None = ..., timeout: Timeout = ...) -> Call[types.EmptyResponse]:
        """POST /platform/infrastructure/constructors/{constructor_id}/maintenance-mode/_start"""
    def start_deployment_resource_instances(self, deployment_id: str, resource_kind: str, ref_id: str, instance_ids: Sequence[str], *, ignore_missing: bool | None = ..., timeout: Timeout = ...) -> Call[types.DeploymentResourceCommandResponse]:
        """POST /deployments/{deployment_id}/{resource_kind}/{ref_id}/instances/{instance_ids}/_start"""
    def start_deployment_resource_instances_all(self, deployment_id: str, resource_kind: str, ref_id: str, *, timeout: Timeout = ...) -> Call[types.DeploymentResourceCommandResponse]:
        """POST /deployments/{deployment_id}/{resource_kind}/{ref_id}/instances/_start"""
    def start_deployment_resource_instances_all_maintenance_mode(self, deployment_id: str, resource_kind: str, ref_id: str, *, timeout: Timeout = ...) -> Call[types.DeploymentResourceCommandResponse]:
        """POST /deployments/{deployment_id}/{resource_kind}/{ref_id}/instances/maintenance-mode/_start"""
    def start_deployment_resource_maintenance_mode(self, deployment_id: str, resource_kind: str, ref_id: str, instance_ids: Sequence[str], *, ignore_missing: bool | None = ..., timeout: Timeout = ...) -> Call[types.DeploymentResourceCommandResponse]:
        """POST /deployments/{deployment_id}/{resource_kind}/{ref_id}/instances/{instance_ids}/maintenance-mode/_start"""
    def stop_allocator_maintenance_mode(self, allocator_id: str, *, reason: str | None = ..., region: str | None = ..., timeout: Timeout = ...) -> Call[types.EmptyResponse]:
        """POST /platform/infrastructure/allocators/{allocator_id}/maintenance-mode/_stop"""
    def stop_constructor_maintenance_mode(self, constructor_id: str, *, region: str | None = ..., timeout: Timeout = ...) -> Call[types.EmptyResponse]:
        """POST /platform/infrastructure/constructors/{constructor_id}/maintenance-mode/_stop"""
    def stop_deployment_resource_instances(self, deployment_id: str, resource_kind: str, ref_id: str, instance_ids: Sequence[str], *, ignore_missing: bool | None = ..., timeout: Timeout = ...) -> Call[types.DeploymentResourceCommandResponse]:
        """POST /deployments/{deployment_id}/{resource_kind}/{ref_id}/instances/{instance_ids}/_stop"""
    def stop_deployment_resource_instances_all(self, deployment_id: str, resource_kind: str, ref_id: str, *, timeout: Timeout = ...) -> Call[types.DeploymentResourceCommandResponse]:
        """POST /deployments/{deployment_id}/{resource_kind}/{ref_id}/instances/_stop"""
    def stop_deployment_resource_instances_all_maintenance_mode(self, deployment_id: str, resource_kind: str, ref_id: str, *, timeout: Timeout = ...) -> Call[types.DeploymentResourceCommandResponse]:
        """POST /deployments/{deployment_id}/{resource_kind}/{ref_id}/instances/maintenance-mode/_stop"""
    def stop_deployment_resource_maintenance_mode(self, deployment_id: str, resource_kind: str, ref_id: str, instance_ids: Sequence[str], *, ignore_missing: bool | None = ..., timeout: Timeout = ...) -> Call[types.DeploymentResourceCommandResponse]:
        """POST /deployments/{deployment_id}/{resource_kind}/{ref_id}/instances/{instance_ids}/maintenance-mode/_stop"""
    def unclaim_traffic_filter_link_id(self, *, body: types.TrafficFilterClaimedLinkIdRequest | str | bytes, timeout: Timeout = ...) -> Call[types.EmptyResponse]:
        """POST /deployments/traffic-filter/link-ids/_unclaim"""
    def update_active_directory_configuration(self, realm_id: str, *, version: str | int | None = ..., body: types.ActiveDirectorySettings | str | bytes, region: str | None = ..., timeout: Timeout = ...) -> Call[types.EmptyResponse]:
        """PUT /platform/configuration/security/realms/active-directory/{realm_id}"""
    def update_adminconsole_logging_settings(self, adminconsole_id: str, *, body: Mapping[str, Any] | str | bytes, region: str | None = ..., timeout: Timeout = ...) -> Call[types.LoggingSettings]:
        """PATCH /platform/infrastructure/adminconsoles/{adminconsole_id}/logging_settings"""
    def update_allocator_logging_settings(self, allocator_id: str, *, body: Mapping[str, Any] | str | bytes, region: str | None = ..., timeout: Timeout = ...) -> Call[types.LoggingSettings]:
        """PATCH /platform/infrastructure/allocators/{allocator_id}/logging_settings"""
    def update_allocator_settings(self, allocator_id: str, *, version: str | int | None = ..., body: Mapping[str, Any] | str | bytes, region: str | None = ..., timeout: Timeout = ...) -> Call[types.AllocatorSettings]:
        """PATCH /platform/infrastructure/allocators/{allocator_id}/settings"""
    def update_blueprinter_role(self, blueprinter_role_id: str, *, version: str | int | None = ..., body: types.Role | str | bytes, region: str | None = ..., timeout: Timeout = ...) -> Call[types.RoleAggregate]:
        """PUT /platform/infrastructure/blueprinter/roles/{blueprinter_role_id}"""
    def update_comment(self, resource_type: str, resource_id: str, comment_id: str, *, version: str | int | None = ..., body: types.CommentUpdateRequest | str | bytes, region: str | None = ..., timeout: Timeout = ...) -> Call[types.Comment]:
        """PUT /comments/{resource_type}/{resource_id}/{comment_id}"""
    def update_constructor_logging_settings(self, constructor_id: str, *, body: Mapping[str, Any] | str | bytes, region: str | None = ..., timeout: Timeout = ...) -> Call[types.LoggingSettings]:
        """PATCH /platform/infrastructure/constructors/{constructor_id}/logging_settings"""
    def update_current_account(self, *, body: types.AccountUpdateRequest | str | bytes, timeout: Timeout = ...) -> Call[types.AccountResponse]:
        """PUT /account"""
    def update_current_user(self, *, body: Mapping[str, Any] | str | bytes, timeout: Timeout = ...) -> Call[types.User]:
        """PATCH /user"""
    def update_deployment(self, deployment_id: str, *, hide_pruned_orphans: bool | None = ..., skip_snapshot: bool | None = ..., validate_only: bool | None = ..., version: str | int | None = ..., body: types.DeploymentUpdateRequest | str | bytes, timeout: Timeout = ...) -> Call[types.DeploymentUpdateResponse]:
        """PUT /deployments/{deployment_id}"""
    def update_extension(self, extension_id: str, *, body: types.UpdateExtensionRequest | str | bytes, timeout: Timeout = ...) -> Call[types.Extension]:
        """POST /deployments/extensions/{extension_id}"""
    def update_ldap_configuration(self, realm_id: str, *, version: str | int | None = ..., body: types.LdapSettings | str | bytes, region: str | None = ..., timeout: Timeout = ...) -> Call[types.EmptyResponse]:
        """PUT /platform/configuration/security/realms/ldap/{realm_id}"""
    @deprecated('Deprecated by Elastic.')
    def update_organization(self, organization_id: str, *, body: types.OrganizationRequest | str | bytes, timeout: Timeout = ...) -> Call[types.Organization]:
        """PUT /organizations/{organization_id}"""
    def update_proxies_filtered_group(self, proxies_filtered_group_id: str, *, version: str | int | None = ..., body: types.ProxiesFilteredGroup | str | bytes, region: str | None = ..., timeout: Timeout = ...) -> Call[types.ProxiesFilteredGroup]:
        """PUT /platform/infrastructure/proxies/filtered-groups/{proxies_filtered_group_id}"""
    @deprecated('Deprecated by Elastic.')
    def update_proxies_settings(self, *, version: str | int | None = ..., body: Mapping[str, Any] | str | bytes, region: str | None = ..., timeout: Timeout = ...) -> Call[types.ProxiesSettings]:
        """PATCH /platform/infrastructure/proxies/settings"""
    def update_runner_logging_settings(self, runner_id: str, *, body: Mapping[str, Any] | str | bytes, region: str | None = ..., timeout: Timeout = ...) -> Call[types.LoggingSettings]:
        """PATCH /platform/infrastructure/runners/{runner_id}/logging_settings"""
    def update_saml_configuration(self, realm_id: str, *, version: str | int | None = ..., body: types.SamlSettings | str | bytes, region: str | None = ..., timeout: Timeout = ...) -> Call[types.EmptyResponse]:
        """PUT /platform/configuration/security/realms/saml/{realm_id}"""
    def update_security_deployment(self, *, body: types.SecurityDeploymentUpdateRequest | str | bytes, region: str | None = ..., timeout: Timeout = ...) -> Call[types.IdResponse]:
        """PUT /platform/configuration/security/deployment"""
    def update_stack_packs(self, *, file: IO[bytes], region: str | None = ..., timeout: Timeout = ...) -> Call[types.StackVersionArchiveProcessingResult]:
        """POST /stack/versions"""
    def update_traffic_filter_ruleset(self, ruleset_id: str, *, body: types.TrafficFilterRulesetRequest | str | bytes, timeout: Timeout = ...) -> Call[types.TrafficFilterRulesetResponse]:
        """PUT /deployments/traffic-filter/rulesets/{ruleset_id}"""
    def update_trust_relationship(self, trust_relationship_id: str, *, body: types.TrustRelationshipUpdateRequest | str | bytes, region: str | None = ..., timeout: Timeout = ...) -> Call[types.TrustRelationshipUpdateResponse]:
        """PUT /platform/configuration/trust-relationships/{trust_relationship_id}"""
    def update_user(self, user_name: str, *, body: Mapping[str, Any] | str | bytes, timeout: Timeout = ...) -> Call[types.User]:
        """PATCH /users/{user_name}"""
    def update_version_stack(self, version: str | int, *, body: types.StackVersionConfigPost | str | bytes, region: str | None = ..., timeout: Timeout = ...) -> Call[types.StackVersionConfig]:
        """PUT /stack/versions/{version}"""
    def upgrade_deployment_stateless_resource(self, deployment_id: str, stateless_resource_kind: Literal["kibana", "apm", "appsearch", "enterprise_search", "integrations_server"], ref_id: str, *, validate_only: bool | None = ..., timeout: Timeout = ...) -> Call[types.DeploymentResourceUpgradeResponse]:
        """POST /deployments/{deployment_id}/{stateless_resource_kind}/{ref_id}/_upgrade"""
    def upload_extension(self, extension_id: str, *, file: IO[bytes], timeout: Timeout = ...) -> Call[types.Extension]:
        """PUT /deployments/extensions/{extension_id}"""
