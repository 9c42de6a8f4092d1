//! What the CAPA pod runs as, from `--source-credentials` or the account map.

use xaccount::account_map::CredentialKind;
use xaccount::aws::{AccountId, Partition, Principal, PrincipalKind};
use xaccount::capa::DEFAULT_ROLE_NAME;
use xaccount::diag::Diagnostic;
use xaccount::settings::Setting;

use super::map;
use crate::cli::{AskedCredentials, SourceRoleArgs};
use crate::commands::map_file::MapFile;

/// What follows from what the CAPA pod runs as.
#[derive(Default)]
pub(super) struct PodCredentials {
    /// `None` if nothing specifies it.
    pub(super) kind: Option<CredentialKind>,
    /// Whether its sessions have session tags, which are passed on.
    pub(super) sends_tags: bool,
    /// The user that it runs as.
    pub(super) user: Option<Principal>,
    /// What specifies it, for messages.
    pub(super) origin: String,
}

impl PodCredentials {
    /// Those of the map, with which the flag must agree; or those of the flag. A role in the flag becomes the source
    /// role of `args`.
    ///
    /// # Errors
    /// The flag contradicts the map or another flag, or the account of a user is unknown.
    pub(super) fn new(
        args: &mut SourceRoleArgs,
        partition: Option<Partition>,
        map: Option<&MapFile>,
    ) -> Result<Self, Diagnostic> {
        let flag = args.source_credentials.clone();
        if let Some((map, own)) = map.and_then(|map| Some((map, map.map.source.credentials.as_ref()?))) {
            let partition = partition.or(map.map.default_partition).unwrap_or(Partition::Aws);
            let kind = own.value.kind();
            let place = map.place(own.span);
            let by_flag = flag.as_ref().map(|flag| Setting::flag("--source-credentials", flag.kind().to_string()));
            map::agreed(by_flag, Some(Setting::map(kind.to_string(), place.clone())))?;
            if let (Some(asked), Some(existing)) = (flag.as_ref().and_then(AskedCredentials::value), own.value.value())
            {
                let by_flag = Setting::flag("--source-credentials", asked.to_owned());
                map::agreed(Some(by_flag), Some(Setting::map(existing.to_owned(), place.clone())))?;
            }
            let other = map.map.source.other_principal(partition).map(|principal| principal.value);
            let user = other.filter(|principal| principal.kind() == PrincipalKind::User);
            let origin = format!("set in the account map at {place}");
            return Ok(Self { kind: Some(kind), sends_tags: own.value.sends_tags(), user, origin });
        }
        let Some(flag) = flag else { return Ok(Self::default()) };
        let mut all = Self { kind: Some(flag.kind()), ..Self::default() };
        "set by --source-credentials".clone_into(&mut all.origin);
        match &flag {
            AskedCredentials::InstanceProfile | AskedCredentials::Irsa(_) => {}
            AskedCredentials::PodIdentity(_) => all.sends_tags = true,
            AskedCredentials::User(name) => {
                let account = args.source_account.as_ref().or_else(|| account_of(map));
                let Some(account) = account else {
                    let error = "missing --source-account, the account of the user in --source-credentials";
                    return Err(Diagnostic::error(error).help("add --source-account 111111111111"));
                };
                let partition = partition.or(map.and_then(|map| map.map.default_partition)).unwrap_or(Partition::Aws);
                all.user = format!("arn:{partition}:iam::{account}:user/{name}").parse().ok();
            }
            AskedCredentials::AssumedRole(role) => {
                if args.source_role != DEFAULT_ROLE_NAME && args.source_role != role.as_str() {
                    let error = format!("--source-role {} is not the role in --source-credentials", args.source_role);
                    return Err(Diagnostic::error(error).help("omit --source-role"));
                }
                role.as_str().clone_into(&mut args.source_role);
            }
        }
        Ok(all)
    }
}

fn account_of(map: Option<&MapFile>) -> Option<&AccountId> {
    map?.map.source.account.as_ref().map(|account| &account.value)
}
