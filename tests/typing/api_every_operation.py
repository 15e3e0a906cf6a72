"""Calls every operation, for type checkers alone. Made by `make api`."""

# Some are deprecated, and are called all the same.
# pyright: reportDeprecated=false

from __future__ import annotations

from typing import Any, BinaryIO, Protocol, assert_type

from aiocloudauth.api import Api, types


class Bodies(Protocol):
    AccountUpdateRequest: types.AccountUpdateRequest
    ActiveDirectorySettings: types.ActiveDirectorySettings
    AllocatorSettings: types.AllocatorSettings
    ApiBaseUrlData: types.ApiBaseUrlData
    Blessing: types.Blessing
    Blessings: types.Blessings
    CommentCreateRequest: types.CommentCreateRequest
    CommentUpdateRequest: types.CommentUpdateRequest
    ConfigStoreOptionData: types.ConfigStoreOptionData
    CreateApiKeyRequest: types.CreateApiKeyRequest
    CreateExtensionRequest: types.CreateExtensionRequest
    DeleteApiKeysRequest: types.DeleteApiKeysRequest
    DeleteUsersApiKeysRequest: types.DeleteUsersApiKeysRequest
    DeploymentCreateRequest: types.DeploymentCreateRequest
    DeploymentDomainName: types.DeploymentDomainName
    DeploymentTemplateRequestBody: types.DeploymentTemplateRequestBody
    DeploymentUpdateRequest: types.DeploymentUpdateRequest
    EnableIlmRequest: types.EnableIlmRequest
    EnrollmentTokenRequest: types.EnrollmentTokenRequest
    FilterAssociation: types.FilterAssociation
    InstanceConfiguration: types.InstanceConfiguration
    InstanceOverrides: types.InstanceOverrides
    KeystoreContents: types.KeystoreContents
    LdapSettings: types.LdapSettings
    LicenseObject: types.LicenseObject
    LoggingSettings: types.LoggingSettings
    LoginRequest: types.LoginRequest
    MetadataItemValue: types.MetadataItemValue
    MetadataItems: types.MetadataItems
    MoveClustersRequest: types.MoveClustersRequest
    OrganizationInvitationRequest: types.OrganizationInvitationRequest
    OrganizationRequest: types.OrganizationRequest
    ProxiesFilteredGroup: types.ProxiesFilteredGroup
    ProxiesSettings: types.ProxiesSettings
    ReadOnlyRequest: types.ReadOnlyRequest
    RemoteResources: types.RemoteResources
    Role: types.Role
    RoleAggregateCreateData: types.RoleAggregateCreateData
    RoleAssignments: types.RoleAssignments
    RunnerRolesInfo: types.RunnerRolesInfo
    SamlSettings: types.SamlSettings
    SearchRequest: types.SearchRequest
    SecurityDeploymentCreateRequest: types.SecurityDeploymentCreateRequest
    SecurityDeploymentUpdateRequest: types.SecurityDeploymentUpdateRequest
    SecurityRealmsReorderRequest: types.SecurityRealmsReorderRequest
    SnapshotRepositoryConfiguration: types.SnapshotRepositoryConfiguration
    StackVersionConfigPost: types.StackVersionConfigPost
    TelemetryConfigRequest: types.TelemetryConfigRequest
    TrafficFilterClaimedLinkIdRequest: types.TrafficFilterClaimedLinkIdRequest
    TrafficFilterRulesetRequest: types.TrafficFilterRulesetRequest
    TransientElasticsearchPlanConfiguration: types.TransientElasticsearchPlanConfiguration
    TrustRelationshipCreateRequest: types.TrustRelationshipCreateRequest
    TrustRelationshipUpdateRequest: types.TrustRelationshipUpdateRequest
    UpdateExtensionRequest: types.UpdateExtensionRequest
    User: types.User


async def call_all(api: Api, bodies: Bodies, file: BinaryIO) -> None:
    assert_type(await api.accept_organization_invitation("a", timeout=5), types.EmptyResponse)
    assert_type(await api.add_blueprinter_blessing("a", "a", version=1, body=bodies.Blessing, region="r", timeout=5), types.RoleAggregate)
    assert_type(await api.add_role_assignments("a", body=bodies.RoleAssignments, timeout=5), types.EmptyResponse)
    assert_type(await api.cancel_deployment_resource_pending_plan("a", "integrations_server", "a", force_delete=True, ignore_missing=True, timeout=5), types.DeploymentResourceCrudResponse)
    assert_type(await api.capture_deployment_instance_heap_dump("a", "a", "a", "a", timeout=5), types.EmptyResponse)
    assert_type(await api.capture_deployment_instance_thread_dump("a", "a", "a", "a", timeout=5), bytes)
    assert_type(await api.capture_deployment_resource_diagnostics("a", "a", "a", mode="light", timeout=5), bytes)
    assert_type(await api.claim_traffic_filter_link_id(body=bodies.TrafficFilterClaimedLinkIdRequest, timeout=5), types.TrafficFilterClaimedLinkIdInfo)
    assert_type(await api.create_active_directory_configuration(body=bodies.ActiveDirectorySettings, region="r", timeout=5), types.EmptyResponse)
    assert_type(await api.create_api_key(body=bodies.CreateApiKeyRequest, timeout=5), types.ApiKeyResponse)
    assert_type(await api.create_blueprinter_role(body=bodies.RoleAggregateCreateData, region="r", timeout=5), types.RoleAggregate)
    assert_type(await api.create_comment("a", "a", body=bodies.CommentCreateRequest, region="r", timeout=5), types.Comment)
    assert_type(await api.create_config_store_option("a", body=bodies.ConfigStoreOptionData, region="r", timeout=5), types.ConfigStoreOption)
    assert_type(await api.create_deployment(request_id="a", validate_only=True, template_id="a", body=bodies.DeploymentCreateRequest, timeout=5), types.DeploymentCreateResponse)
    assert_type(await api.create_deployment_template_v2(validate_only=True, region="a", body=bodies.DeploymentTemplateRequestBody, timeout=5), types.IdResponse)
    assert_type(await api.create_enrollment_token(body=bodies.EnrollmentTokenRequest, region="r", timeout=5), types.RequestEnrollmentTokenReply)
    assert_type(await api.create_extension(body=bodies.CreateExtensionRequest, timeout=5), types.Extension)
    assert_type(await api.create_instance_configuration(body=bodies.InstanceConfiguration, region="r", timeout=5), types.VersionedIdResponse)
    assert_type(await api.create_ldap_configuration(body=bodies.LdapSettings, region="r", timeout=5), types.EmptyResponse)
    assert_type(await api.create_organization_invitations("a", body=bodies.OrganizationInvitationRequest, timeout=5), types.OrganizationInvitations)
    assert_type(await api.create_proxies_filtered_group(body=bodies.ProxiesFilteredGroup, region="r", timeout=5), types.ProxiesFilteredGroup)
    assert_type(await api.create_saml_configuration(body=bodies.SamlSettings, region="r", timeout=5), types.EmptyResponse)
    assert_type(await api.create_security_deployment(body=bodies.SecurityDeploymentCreateRequest, region="r", timeout=5), types.IdResponse)
    assert_type(await api.create_traffic_filter_ruleset(body=bodies.TrafficFilterRulesetRequest, timeout=5), types.TrafficFilterRulesetResponse)
    assert_type(await api.create_traffic_filter_ruleset_association("a", body=bodies.FilterAssociation, timeout=5), types.EmptyResponse)
    assert_type(await api.create_trust_relationship(body=bodies.TrustRelationshipCreateRequest, region="r", timeout=5), types.TrustRelationshipCreateResponse)
    assert_type(await api.create_user(body=bodies.User, timeout=5), types.User)
    assert_type(await api.delete_active_directory_configuration("a", version="a", region="r", timeout=5), types.EmptyResponse)
    assert_type(await api.delete_adminconsole_logging_settings("a", region="r", timeout=5), types.LoggingSettings)
    assert_type(await api.delete_allocator("a", remove_instances=True, region="r", timeout=5), types.EmptyResponse)
    assert_type(await api.delete_allocator_logging_settings("a", region="r", timeout=5), types.LoggingSettings)
    assert_type(await api.delete_allocator_metadata_item("a", "a", version="a", region="r", timeout=5), list[types.MetadataItem])
    assert_type(await api.delete_api_key("a", timeout=5), types.EmptyResponse)
    assert_type(await api.delete_api_keys(body=bodies.DeleteApiKeysRequest, timeout=5), types.EmptyResponse)
    assert_type(await api.delete_blueprinter_role("a", skip_validations=True, version=1, region="r", timeout=5), types.EmptyResponse)
    assert_type(await api.delete_comment("a", "a", "a", version="a", region="r", timeout=5), types.EmptyResponse)
    assert_type(await api.delete_config_store_option("a", region="r", timeout=5), types.EmptyResponse)
    assert_type(await api.delete_constructor_logging_settings("a", region="r", timeout=5), types.LoggingSettings)
    assert_type(await api.delete_coordinator_candidate("a", version="a", region="r", timeout=5), types.EmptyResponse)
    assert_type(await api.delete_deployment("a", timeout=5), types.DeploymentDeleteResponse)
    assert_type(await api.delete_deployment_resource_proxy_requests("a", "enterprise_search", "a", "a", x_management_request="a", body="{}", timeout=5), Any)
    assert_type(await api.delete_deployment_stateless_resource("a", "integrations_server", "a", timeout=5), types.DeploymentResourceCrudResponse)
    assert_type(await api.delete_deployment_template_v2("a", region="a", timeout=5), types.EmptyResponse)
    assert_type(await api.delete_enrollment_token("a", region="r", timeout=5), types.EmptyResponse)
    assert_type(await api.delete_extension("a", timeout=5), types.EmptyResponse)
    assert_type(await api.delete_extra_certificate("a", region="r", timeout=5), types.EmptyResponse)
    assert_type(await api.delete_instance_configuration("a", version=1, only_test_version=True, region="r", timeout=5), types.EmptyResponse)
    assert_type(await api.delete_ldap_configuration("a", version="a", region="r", timeout=5), types.EmptyResponse)
    assert_type(await api.delete_license(region="r", timeout=5), types.EmptyResponse)
    assert_type(await api.delete_organization_invitations("a", "a", timeout=5), types.EmptyResponse)
    assert_type(await api.delete_organization_memberships("a", "a", force=True, timeout=5), types.EmptyResponse)
    assert_type(await api.delete_proxies_filtered_group("a", version="a", region="r", timeout=5), types.EmptyResponse)
    assert_type(await api.delete_runner("a", region="r", timeout=5), types.EmptyResponse)
    assert_type(await api.delete_runner_logging_settings("a", region="r", timeout=5), types.LoggingSettings)
    assert_type(await api.delete_saml_configuration("a", version="a", region="r", timeout=5), types.EmptyResponse)
    assert_type(await api.delete_snapshot_repository("a", cleanup_deployments=True, region="r", timeout=5), types.EmptyResponse)
    assert_type(await api.delete_traffic_filter_ruleset("a", ignore_associations=True, timeout=5), types.EmptyResponse)
    assert_type(await api.delete_traffic_filter_ruleset_association("a", "a", "a", timeout=5), types.EmptyResponse)
    assert_type(await api.delete_trust_relationship("a", version=1, region="r", timeout=5), types.EmptyResponse)
    assert_type(await api.delete_user("a", timeout=5), types.EmptyResponse)
    assert_type(await api.delete_user_api_key("a", "a", timeout=5), types.EmptyResponse)
    assert_type(await api.delete_user_api_keys("a", timeout=5), types.EmptyResponse)
    assert_type(await api.delete_users_api_keys(body=bodies.DeleteUsersApiKeysRequest, timeout=5), types.EmptyResponse)
    assert_type(await api.delete_version_stack("a", region="r", timeout=5), types.EmptyResponse)
    assert_type(await api.demote_coordinator("a", region="r", timeout=5), types.EmptyResponse)
    assert_type(await api.deployment_apm_reset_secret_token("a", "a", timeout=5), types.ApmCrudResponse)
    assert_type(await api.download_deployment_instance_heap_dump("a", "a", "a", "a", timeout=5), bytes)
    assert_type(await api.enable_deployment_resource_ccr("a", "a", validate_only=True, timeout=5), types.DeploymentResourceCommandResponse)
    assert_type(await api.enable_deployment_resource_ilm("a", "a", validate_only=True, body=bodies.EnableIlmRequest, timeout=5), types.DeploymentResourceCommandResponse)
    assert_type(await api.enable_deployment_resource_slm("a", "a", validate_only=True, timeout=5), types.DeploymentResourceCommandResponse)
    assert_type(await api.get_active_directory_configuration("a", region="r", timeout=5), types.ActiveDirectorySettings)
    assert_type(await api.get_adminconsole_logging_settings("a", region="r", timeout=5), types.LoggingSettings)
    assert_type(await api.get_adminconsoles(region="r", timeout=5), types.AdminconsolesOverview)
    assert_type(await api.get_allocator("a", region="r", timeout=5), types.AllocatorInfo)
    assert_type(await api.get_allocator_logging_settings("a", region="r", timeout=5), types.LoggingSettings)
    assert_type(await api.get_allocator_metadata("a", region="r", timeout=5), list[types.MetadataItem])
    assert_type(await api.get_allocator_settings("a", region="r", timeout=5), types.AllocatorSettings)
    assert_type(await api.get_allocators(q="a", size=1, from_=1, sort="a", region="r", timeout=5), types.AllocatorOverview)
    assert_type(await api.get_api_base_url(region="r", timeout=5), types.ApiBaseUrlData)
    assert_type(await api.get_api_key("a", timeout=5), types.ApiKeyResponse)
    assert_type(await api.get_api_keys(timeout=5), types.ApiKeysResponse)
    assert_type(await api.get_appsearch_read_only_mode("a", "a", timeout=5), types.ReadOnlyResponse)
    assert_type(await api.get_authentication_info(timeout=5), types.AuthenticationInfo)
    assert_type(await api.get_blueprinter_role("a", region="r", timeout=5), types.RoleAggregate)
    assert_type(await api.get_comment("a", "a", "a", region="r", timeout=5), types.Comment)
    assert_type(await api.get_config_store_option("a", region="r", timeout=5), types.ConfigStoreOption)
    assert_type(await api.get_constructor("a", region="r", timeout=5), types.ConstructorInfo)
    assert_type(await api.get_constructor_logging_settings("a", region="r", timeout=5), types.LoggingSettings)
    assert_type(await api.get_constructors(region="r", timeout=5), types.ConstructorOverview)
    assert_type(await api.get_coordinator("a", region="r", timeout=5), types.CoordinatorSummary)
    assert_type(await api.get_coordinator_candidate("a", region="r", timeout=5), types.CoordinatorCandidateInfo)
    assert_type(await api.get_coordinator_candidates(region="r", timeout=5), types.CoordinatorCandidatesSummary)
    assert_type(await api.get_coordinators(region="r", timeout=5), types.CoordinatorsSummary)
    assert_type(await api.get_costs_charts("a", from_="a", to="a", bucketing_strategy="monthly", timeout=5), types.ChartItems)
    assert_type(await api.get_costs_charts_by_deployment("a", "a", from_="a", to="a", bucketing_strategy="monthly", timeout=5), types.ChartItems)
    assert_type(await api.get_costs_deployments("a", from_="a", to="a", accept="a", timeout=5), types.DeploymentsCosts)
    assert_type(await api.get_costs_items("a", from_="a", to="a", timeout=5), types.ItemsCosts)
    assert_type(await api.get_costs_items_by_deployment("a", "a", from_="a", to="a", accept="a", timeout=5), types.ItemsCosts)
    assert_type(await api.get_costs_overview("a", from_="a", to="a", timeout=5), types.CostsOverview)
    assert_type(await api.get_current_account(timeout=5), types.AccountResponse)
    assert_type(await api.get_current_user(timeout=5), types.User)
    assert_type(await api.get_default_deployment_domain_name(region="r", timeout=5), types.DeploymentDomainName)
    assert_type(await api.get_deployment("a", show_security=True, show_metadata=True, show_plans=True, show_plan_logs=True, show_plan_history=True, show_plan_defaults=True, convert_legacy_plans=True, show_system_alerts=1, show_settings=True, show_instance_configurations=True, enrich_with_template=True, force_all_plan_history=True, clear_transient=True, timeout=5), types.DeploymentGetResponse)
    assert_type(await api.get_deployment_apm_resource_info("a", "a", show_metadata=True, show_plans=True, show_plan_logs=True, show_plan_history=True, show_plan_defaults=True, show_settings=True, clear_transient=True, timeout=5), types.ApmResourceInfo)
    assert_type(await api.get_deployment_appsearch_resource_info("a", "a", show_metadata=True, show_plans=True, show_plan_logs=True, show_plan_history=True, show_plan_defaults=True, show_settings=True, clear_transient=True, timeout=5), types.AppSearchResourceInfo)
    assert_type(await api.get_deployment_certificate_authority("a", timeout=5), types.CertificateAuthority)
    assert_type(await api.get_deployment_enterprise_search_resource_info("a", "a", show_metadata=True, show_plans=True, show_plan_logs=True, show_plan_history=True, show_plan_defaults=True, show_settings=True, clear_transient=True, timeout=5), types.EnterpriseSearchResourceInfo)
    assert_type(await api.get_deployment_es_resource_eligible_remote_clusters("a", "a", body=bodies.SearchRequest, timeout=5), types.DeploymentsSearchResponse)
    assert_type(await api.get_deployment_es_resource_info("a", "a", show_security=True, show_metadata=True, show_plans=True, show_plan_logs=True, show_plan_history=True, show_plan_defaults=True, convert_legacy_plans=True, show_system_alerts=1, show_settings=True, enrich_with_template=True, clear_transient=True, timeout=5), types.ElasticsearchResourceInfo)
    assert_type(await api.get_deployment_es_resource_keystore("a", "a", timeout=5), types.KeystoreContents)
    assert_type(await api.get_deployment_es_resource_remote_clusters("a", "a", timeout=5), types.RemoteResources)
    assert_type(await api.get_deployment_heap_dumps("a", timeout=5), types.DeploymentHeapDumps)
    assert_type(await api.get_deployment_integrations_server_resource_info("a", "a", show_metadata=True, show_plans=True, show_plan_logs=True, show_plan_history=True, show_plan_defaults=True, show_settings=True, clear_transient=True, timeout=5), types.IntegrationsServerResourceInfo)
    assert_type(await api.get_deployment_kib_resource_info("a", "a", show_metadata=True, show_plans=True, show_plan_logs=True, show_plan_history=True, show_plan_defaults=True, convert_legacy_plans=True, show_settings=True, clear_transient=True, timeout=5), types.KibanaResourceInfo)
    assert_type(await api.get_deployment_resource_plan_activity("a", "integrations_server", "a", "a", timeout=5), types.CommonClusterPlanInfo)
    assert_type(await api.get_deployment_resource_proxy_requests("a", "enterprise_search", "a", "a", x_management_request="a", body="{}", timeout=5), Any)
    assert_type(await api.get_deployment_template_v2("a", show_instance_configurations=True, show_max_zones=True, stack_version="a", region="a", timeout=5), types.DeploymentTemplateInfoV2)
    assert_type(await api.get_deployment_templates_v2(metadata="a", show_instance_configurations=True, show_max_zones=True, stack_version="a", hide_deprecated=True, show_hidden=True, region="a", timeout=5), list[types.DeploymentTemplateInfoV2])
    assert_type(await api.get_deployment_upgrade_assistant_status("a", timeout=5), types.DeploymentUpgradeAssistantStatusResponse)
    assert_type(await api.get_enrollment_tokens(region="r", timeout=5), types.ListEnrollmentTokenReply)
    assert_type(await api.get_extension("a", include_deployments=True, timeout=5), types.Extension)
    assert_type(await api.get_extra_certificate("a", region="r", timeout=5), types.PublicCertChain)
    assert_type(await api.get_extra_certificates(region="r", timeout=5), types.PublicCertChainCollection)
    assert_type(await api.get_global_deployment_templates(region="r", timeout=5), list[types.GlobalDeploymentTemplateInfo])
    assert_type(await api.get_instance_configuration("a", config_version=1, show_deleted=True, show_max_zones=True, region="r", timeout=5), types.InstanceConfiguration)
    assert_type(await api.get_instance_configurations(show_deleted=True, show_max_zones=True, include_versions=True, region="r", timeout=5), list[types.InstanceConfiguration])
    assert_type(await api.get_instance_types(region="r", timeout=5), list[types.InstanceTypeResource])
    assert_type(await api.get_ldap_configuration("a", region="r", timeout=5), types.LdapSettings)
    assert_type(await api.get_license(region="r", timeout=5), types.LicenseObject)
    assert_type(await api.get_organization("a", timeout=5), types.Organization)
    assert_type(await api.get_organization_invitation("a", timeout=5), types.OrganizationInvitation)
    assert_type(await api.get_platform(region="r", timeout=5), types.PlatformInfo)
    assert_type(await api.get_proxies(region="r", timeout=5), types.ProxyOverview)
    assert_type(await api.get_proxies_filtered_group("a", region="r", timeout=5), types.ProxiesFilteredGroup)
    assert_type(await api.get_proxies_filtered_group_health("a", expect_status="a", region="r", timeout=5), types.ProxiesFilteredGroupHealth)
    assert_type(await api.get_proxies_health(expect_status="a", region="r", timeout=5), types.ProxiesHealth)
    assert_type(await api.get_proxies_settings(region="r", timeout=5), types.ProxiesSettings)
    assert_type(await api.get_proxy("a", region="r", timeout=5), types.ProxyInfo)
    assert_type(await api.get_resource_kind_deployment_domain_name("integrations_server", region="r", timeout=5), types.DeploymentDomainName)
    assert_type(await api.get_runner("a", region="r", timeout=5), types.RunnerInfo)
    assert_type(await api.get_runner_logging_settings("a", region="r", timeout=5), types.LoggingSettings)
    assert_type(await api.get_runners(q="a", region="r", timeout=5), types.RunnerOverview)
    assert_type(await api.get_saml_configuration("a", region="r", timeout=5), types.SamlSettings)
    assert_type(await api.get_security_deployment(region="r", timeout=5), types.SecurityDeployment)
    assert_type(await api.get_security_realm_configurations(region="r", timeout=5), types.SecurityRealmInfoList)
    assert_type(await api.get_snapshot_repositories(region="r", timeout=5), types.RepositoryConfigs)
    assert_type(await api.get_snapshot_repository("a", region="r", timeout=5), types.RepositoryConfig)
    assert_type(await api.get_telemetry_config(timeout=5), types.TelemetryConfig)
    assert_type(await api.get_tls_certificate("internalca", region="r", timeout=5), types.TlsPublicCertChain)
    assert_type(await api.get_traffic_filter_claimed_link_ids(region="a", organization_id="a", timeout=5), types.TrafficFilterClaimedLinkIds)
    assert_type(await api.get_traffic_filter_deployment_ruleset_associations("a", "a", timeout=5), types.TrafficFilterSettings)
    assert_type(await api.get_traffic_filter_ruleset("a", include_associations=True, timeout=5), types.TrafficFilterRulesetInfo)
    assert_type(await api.get_traffic_filter_ruleset_deployment_associations("a", timeout=5), types.RulesetAssociations)
    assert_type(await api.get_traffic_filter_rulesets(include_associations=True, region="a", organization_id="a", timeout=5), types.TrafficFilterRulesets)
    assert_type(await api.get_trust_relationship("a", include_certificate=True, region="r", timeout=5), types.TrustRelationshipGetResponse)
    assert_type(await api.get_trust_relationships(include_certificate=True, filter="non-local", region="r", timeout=5), types.TrustRelationshipsListResponse)
    assert_type(await api.get_trusted_envs(organization_id="a", timeout=5), types.ElasticsearchClusterTrustSettings)
    assert_type(await api.get_user("a", timeout=5), types.User)
    assert_type(await api.get_user_api_key("a", "a", timeout=5), types.ApiKeyResponse)
    assert_type(await api.get_user_api_keys("a", timeout=5), types.ApiKeysResponse)
    assert_type(await api.get_users(include_disabled=True, timeout=5), types.UserList)
    assert_type(await api.get_users_api_keys(timeout=5), types.ApiKeysResponse)
    assert_type(await api.get_version_stack("a", region="r", timeout=5), types.StackVersionConfig)
    assert_type(await api.get_version_stacks(show_deleted=True, show_unusable=True, region="r", timeout=5), types.StackVersionConfigs)
    assert_type(await api.list_blueprinter_roles(region="r", timeout=5), types.RoleAggregates)
    assert_type(await api.list_comment("a", "a", region="r", timeout=5), types.CommentsWithMetas)
    assert_type(await api.list_config_store_option(region="r", timeout=5), types.ConfigStoreOptionList)
    assert_type(await api.list_deployments(timeout=5), types.DeploymentsListResponse)
    assert_type(await api.list_extensions(timeout=5), types.Extensions)
    assert_type(await api.list_organization_invitations("a", timeout=5), types.OrganizationInvitations)
    assert_type(await api.list_organization_members("a", timeout=5), types.OrganizationMemberships)
    assert_type(await api.list_organizations(timeout=5), types.OrganizationList)
    assert_type(await api.login(body=bodies.LoginRequest, timeout=5), types.TokenResponse)
    assert_type(await api.logout(timeout=5), types.EmptyResponse)
    assert_type(await api.methods(timeout=5), types.AvailableAuthenticationMethods)
    assert_type(await api.migrate_deployment_template("a", template_id="a", timeout=5), types.DeploymentUpdateRequest)
    assert_type(await api.move_clusters("a", force_update=True, move_only=True, force_move=True, allocator_down=True, validate_only=True, body=bodies.MoveClustersRequest, region="r", timeout=5), types.MoveClustersCommandResponse)
    assert_type(await api.move_clusters_by_type("a", "kibana", force_update=True, move_only=True, force_move=True, allocator_down=True, validate_only=True, body=bodies.MoveClustersRequest, region="r", timeout=5), types.MoveClustersCommandResponse)
    assert_type(await api.move_deployment_elasticsearch_resource_instances("a", "a", ["a", "b"], ignore_missing=True, force_update=True, instances_down=True, move_only=True, force_move=True, validate_only=True, body=bodies.TransientElasticsearchPlanConfiguration, timeout=5), types.TransientElasticsearchPlanConfiguration | types.EmptyResponse)
    assert_type(await api.patch_current_account(body="{}", timeout=5), types.AccountResponse)
    assert_type(await api.post_deployment_resource_proxy_requests("a", "enterprise_search", "a", "a", x_management_request="a", body="{}", timeout=5), Any)
    assert_type(await api.promote_coordinator_candidate("a", region="r", timeout=5), types.CoordinatorCandidateInfo)
    assert_type(await api.put_config_store_option("a", version="a", body=bodies.ConfigStoreOptionData, region="r", timeout=5), types.ConfigStoreOption)
    assert_type(await api.put_deployment_resource_proxy_requests("a", "enterprise_search", "a", "a", x_management_request="a", body="{}", timeout=5), Any)
    assert_type(await api.refresh_token(timeout=5), types.TokenResponse)
    assert_type(await api.reindex_adminconsoles(region="r", timeout=5), types.EmptyResponse)
    assert_type(await api.remove_role_assignments("a", force=True, body=bodies.RoleAssignments, timeout=5), types.EmptyResponse)
    assert_type(await api.reorder_security_realms(body=bodies.SecurityRealmsReorderRequest, region="r", timeout=5), types.EmptyResponse)
    assert_type(await api.reset_elasticsearch_user_password("a", "a", check_completion=True, timeout=5), types.ElasticsearchElasticUserPasswordResetResponse)
    assert_type(await api.restart_deployment_es_resource("a", "a", restore_snapshot=True, skip_snapshot=True, cancel_pending=True, group_attribute="a", shard_init_wait_time=1, timeout=5), types.DeploymentResourceCommandResponse)
    assert_type(await api.restart_deployment_stateless_resource("a", "integrations_server", "a", cancel_pending=True, timeout=5), types.DeploymentResourceCommandResponse)
    assert_type(await api.restore_deployment("a", restore_snapshot=True, timeout=5), types.DeploymentRestoreResponse)
    assert_type(await api.restore_deployment_resource("a", "integrations_server", "a", restore_snapshot=True, timeout=5), types.DeploymentResourceCrudResponse)
    assert_type(await api.resync_allocator("a", region="r", timeout=5), types.EmptyResponse)
    assert_type(await api.resync_allocators(skip_matching_version=True, region="r", timeout=5), types.ModelVersionIndexSynchronizationResults)
    assert_type(await api.resync_constructor("a", region="r", timeout=5), types.EmptyResponse)
    assert_type(await api.resync_constructors(skip_matching_version=True, region="r", timeout=5), types.ModelVersionIndexSynchronizationResults)
    assert_type(await api.resync_deployment("a", timeout=5), types.IndexSynchronizationResults)
    assert_type(await api.resync_deployments(skip_matching_version=True, timeout=5), types.IndexSynchronizationResults)
    assert_type(await api.resync_runner("a", region="r", timeout=5), types.EmptyResponse)
    assert_type(await api.resync_runners(skip_matching_version=True, region="r", timeout=5), types.ModelVersionIndexSynchronizationResults)
    await api.saml_callback(saml_response="a", relay_state="a", timeout=5)
    await api.saml_init(state="a", timeout=5)
    assert_type(await api.search_allocators(body=bodies.SearchRequest, region="r", timeout=5), types.AllocatorOverview)
    assert_type(await api.search_deployments(minimal_metadata="a", body=bodies.SearchRequest, timeout=5), types.DeploymentsSearchResponse)
    assert_type(await api.search_eligible_remote_clusters(version="a", body=bodies.SearchRequest, timeout=5), types.DeploymentsSearchResponse)
    assert_type(await api.search_runners(body=bodies.SearchRequest, region="r", timeout=5), types.RunnerOverview)
    assert_type(await api.set_adminconsole_logging_settings("a", body=bodies.LoggingSettings, region="r", timeout=5), types.LoggingSettings)
    assert_type(await api.set_all_instances_settings_overrides("a", "a", "a", restart_after_update=True, body=bodies.InstanceOverrides, timeout=5), types.InstanceOverrides)
    assert_type(await api.set_allocator_logging_settings("a", body=bodies.LoggingSettings, region="r", timeout=5), types.LoggingSettings)
    assert_type(await api.set_allocator_metadata("a", version="a", body=bodies.MetadataItems, region="r", timeout=5), list[types.MetadataItem])
    assert_type(await api.set_allocator_metadata_item("a", "a", version="a", body=bodies.MetadataItemValue, region="r", timeout=5), list[types.MetadataItem])
    assert_type(await api.set_allocator_settings("a", version="a", body=bodies.AllocatorSettings, region="r", timeout=5), types.AllocatorSettings)
    assert_type(await api.set_api_base_url(version="a", skip_cascading_operations=True, body=bodies.ApiBaseUrlData, region="r", timeout=5), types.ApiBaseUrlData)
    assert_type(await api.set_appsearch_read_only_mode("a", "a", body=bodies.ReadOnlyRequest, timeout=5), types.ReadOnlyResponse)
    assert_type(await api.set_blueprinter_blessings("a", version=1, body=bodies.Blessings, region="r", timeout=5), types.RoleAggregate)
    assert_type(await api.set_constructor_logging_settings("a", body=bodies.LoggingSettings, region="r", timeout=5), types.LoggingSettings)
    assert_type(await api.set_default_deployment_domain_name(version="a", skip_cascading_operations=True, body=bodies.DeploymentDomainName, region="r", timeout=5), types.DeploymentDomainName)
    assert_type(await api.set_deployment_es_resource_keystore("a", "a", body=bodies.KeystoreContents, timeout=5), types.KeystoreContents)
    assert_type(await api.set_deployment_es_resource_remote_clusters("a", "a", body=bodies.RemoteResources, timeout=5), types.EmptyResponse)
    assert_type(await api.set_deployment_resource_raw_metadata("a", "integrations_server", "a", version="a", body="{}", timeout=5), Any)
    assert_type(await api.set_deployment_template_v2("a", version="a", create_only=True, validate_only=True, region="a", body=bodies.DeploymentTemplateRequestBody, timeout=5), types.IdResponse)
    assert_type(await api.set_extra_certificate("a", body="{}", region="r", timeout=5), types.EmptyResponse)
    assert_type(await api.set_instance_configuration("a", version=1, config_control=True, test_config=True, strict_mode=True, create_only=True, body=bodies.InstanceConfiguration, region="r", timeout=5), types.VersionedIdResponse)
    assert_type(await api.set_instance_settings_overrides("a", "a", "a", ["a", "b"], restart_after_update=True, ignore_missing=True, body=bodies.InstanceOverrides, timeout=5), types.InstanceOverrides)
    assert_type(await api.set_license(body=bodies.LicenseObject, region="r", timeout=5), types.EmptyResponse)
    assert_type(await api.set_proxies_settings(version="a", body=bodies.ProxiesSettings, region="r", timeout=5), types.ProxiesSettings)
    assert_type(await api.set_resource_kind_deployment_domain_name("integrations_server", version="a", skip_cascading_operations=True, body=bodies.DeploymentDomainName, region="r", timeout=5), types.DeploymentDomainName)
    assert_type(await api.set_runner_logging_settings("a", body=bodies.LoggingSettings, region="r", timeout=5), types.LoggingSettings)
    assert_type(await api.set_runner_roles("a", bless=True, body=bodies.RunnerRolesInfo, region="r", timeout=5), types.RunnerRolesInfo)
    assert_type(await api.set_snapshot_repository("a", version=1, body=bodies.SnapshotRepositoryConfiguration, region="r", timeout=5), types.RepositoryConfig)
    assert_type(await api.set_telemetry_config(body=bodies.TelemetryConfigRequest, timeout=5), types.TelemetryConfig)
    assert_type(await api.set_tls_certificate("internalca", body="{}", region="r", timeout=5), types.UpdatedTlsChain)
    assert_type(await api.shutdown_deployment("a", hide=True, skip_snapshot=True, timeout=5), types.DeploymentShutdownResponse)
    assert_type(await api.shutdown_deployment_es_resource("a", "a", hide=True, skip_snapshot=True, timeout=5), types.DeploymentResourceCommandResponse)
    assert_type(await api.shutdown_deployment_stateless_resource("a", "integrations_server", "a", hide=True, skip_snapshot=True, timeout=5), types.DeploymentResourceCommandResponse)
    assert_type(await api.start_allocator_maintenance_mode("a", reason="a", region="r", timeout=5), types.EmptyResponse)
    assert_type(await api.start_constructor_maintenance_mode("a", region="r", timeout=5), types.EmptyResponse)
    assert_type(await api.start_deployment_resource_instances("a", "a", "a", ["a", "b"], ignore_missing=True, timeout=5), types.DeploymentResourceCommandResponse)
    assert_type(await api.start_deployment_resource_instances_all("a", "a", "a", timeout=5), types.DeploymentResourceCommandResponse)
    assert_type(await api.start_deployment_resource_instances_all_maintenance_mode("a", "a", "a", timeout=5), types.DeploymentResourceCommandResponse)
    assert_type(await api.start_deployment_resource_maintenance_mode("a", "a", "a", ["a", "b"], ignore_missing=True, timeout=5), types.DeploymentResourceCommandResponse)
    assert_type(await api.stop_allocator_maintenance_mode("a", reason="a", region="r", timeout=5), types.EmptyResponse)
    assert_type(await api.stop_constructor_maintenance_mode("a", region="r", timeout=5), types.EmptyResponse)
    assert_type(await api.stop_deployment_resource_instances("a", "a", "a", ["a", "b"], ignore_missing=True, timeout=5), types.DeploymentResourceCommandResponse)
    assert_type(await api.stop_deployment_resource_instances_all("a", "a", "a", timeout=5), types.DeploymentResourceCommandResponse)
    assert_type(await api.stop_deployment_resource_instances_all_maintenance_mode("a", "a", "a", timeout=5), types.DeploymentResourceCommandResponse)
    assert_type(await api.stop_deployment_resource_maintenance_mode("a", "a", "a", ["a", "b"], ignore_missing=True, timeout=5), types.DeploymentResourceCommandResponse)
    assert_type(await api.unclaim_traffic_filter_link_id(body=bodies.TrafficFilterClaimedLinkIdRequest, timeout=5), types.EmptyResponse)
    assert_type(await api.update_active_directory_configuration("a", version="a", body=bodies.ActiveDirectorySettings, region="r", timeout=5), types.EmptyResponse)
    assert_type(await api.update_adminconsole_logging_settings("a", body="{}", region="r", timeout=5), types.LoggingSettings)
    assert_type(await api.update_allocator_logging_settings("a", body="{}", region="r", timeout=5), types.LoggingSettings)
    assert_type(await api.update_allocator_settings("a", version="a", body="{}", region="r", timeout=5), types.AllocatorSettings)
    assert_type(await api.update_blueprinter_role("a", version=1, body=bodies.Role, region="r", timeout=5), types.RoleAggregate)
    assert_type(await api.update_comment("a", "a", "a", version="a", body=bodies.CommentUpdateRequest, region="r", timeout=5), types.Comment)
    assert_type(await api.update_constructor_logging_settings("a", body="{}", region="r", timeout=5), types.LoggingSettings)
    assert_type(await api.update_current_account(body=bodies.AccountUpdateRequest, timeout=5), types.AccountResponse)
    assert_type(await api.update_current_user(body="{}", timeout=5), types.User)
    assert_type(await api.update_deployment("a", hide_pruned_orphans=True, skip_snapshot=True, validate_only=True, version="a", body=bodies.DeploymentUpdateRequest, timeout=5), types.DeploymentUpdateResponse)
    assert_type(await api.update_extension("a", body=bodies.UpdateExtensionRequest, timeout=5), types.Extension)
    assert_type(await api.update_ldap_configuration("a", version="a", body=bodies.LdapSettings, region="r", timeout=5), types.EmptyResponse)
    assert_type(await api.update_organization("a", body=bodies.OrganizationRequest, timeout=5), types.Organization)
    assert_type(await api.update_proxies_filtered_group("a", version="a", body=bodies.ProxiesFilteredGroup, region="r", timeout=5), types.ProxiesFilteredGroup)
    assert_type(await api.update_proxies_settings(version="a", body="{}", region="r", timeout=5), types.ProxiesSettings)
    assert_type(await api.update_runner_logging_settings("a", body="{}", region="r", timeout=5), types.LoggingSettings)
    assert_type(await api.update_saml_configuration("a", version="a", body=bodies.SamlSettings, region="r", timeout=5), types.EmptyResponse)
    assert_type(await api.update_security_deployment(body=bodies.SecurityDeploymentUpdateRequest, region="r", timeout=5), types.IdResponse)
    assert_type(await api.update_stack_packs(file=file, region="r", timeout=5), types.StackVersionArchiveProcessingResult)
    assert_type(await api.update_traffic_filter_ruleset("a", body=bodies.TrafficFilterRulesetRequest, timeout=5), types.TrafficFilterRulesetResponse)
    assert_type(await api.update_trust_relationship("a", body=bodies.TrustRelationshipUpdateRequest, region="r", timeout=5), types.TrustRelationshipUpdateResponse)
    assert_type(await api.update_user("a", body="{}", timeout=5), types.User)
    assert_type(await api.update_version_stack("a", body=bodies.StackVersionConfigPost, region="r", timeout=5), types.StackVersionConfig)
    assert_type(await api.upgrade_deployment_stateless_resource("a", "integrations_server", "a", validate_only=True, timeout=5), types.DeploymentResourceUpgradeResponse)
    assert_type(await api.upload_extension("a", file=file, timeout=5), types.Extension)
