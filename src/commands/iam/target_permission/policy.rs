//! Prints the policy by feature group, or writes it to files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use lossless_yaml::yaml_text;
use xaccount::capa::{CONTROLLERS_ROLE_NAME, DEFAULT_ROLE_NAME};
use xaccount::diag::{Diagnostic, escape_control};
use xaccount::iam::limits::{self, PolicyKind};
use xaccount::iam::render::{ManagedPolicies, ManagedPolicy, PieceError};
use xaccount::iam::target_permission::{
    FeatureGroup, GroupSelection, GroupStatement, Narrowing, PolicyPart, policy_document, statements_of,
};

use super::read::{Target, place};
use crate::cli::{PolicyFormat, TargetPermission as Args};
use crate::commands::iam::new_files::write_new;
use crate::commands::{CommandError, Messages, Printed};
use crate::output;

/// The default name of the policies.
const NAME: &str = "xaccount-target-permission";

/// The statements to print or to merge, with a line about each group.
pub(super) struct Policy<'p> {
    pub(super) args: &'p Args,
    pub(super) target: &'p Target,
    pub(super) selection: GroupSelection,
    pub(super) statements: Vec<GroupStatement>,
}

impl<'p> Policy<'p> {
    /// # Errors
    /// An unknown feature group.
    pub(super) fn new(args: &'p Args, target: &'p Target) -> Result<Self, Diagnostic> {
        let selection = GroupSelection::new(target.table, &args.only_features).map_err(|error| {
            Diagnostic::error(error.to_string()).help(format!("groups that can be chosen: {}", error.known.join(", ")))
        })?;
        let narrowing = if args.narrow.is_some() { Narrowing::Names } else { Narrowing::None };
        let statements = statements_of(target.table, &selection, &target.uses, narrowing);
        Ok(Self { args, target, selection, statements })
    }

    /// A line for each group: what in the manifests needs it, or why it is printed without.
    pub(super) fn reasons(&self) -> Vec<(&'static str, String)> {
        let groups = self.target.uses.groups();
        let session = self.target.session.as_ref();
        let line = |group: &&'static FeatureGroup| {
            let why = match (groups.get(group.name), session) {
                (Some(reason), Some(session)) => {
                    format!("{} ({})", reason.title(), place(session, reason.file, reason.line))
                }
                _ if group.is_always => format!("every cluster needs it: {}", group.about),
                (None, Some(_)) if self.selection.is_default => {
                    "no manifest needs it; printed because all features are by default".to_owned()
                }
                (None, Some(_)) => "no manifest needs it; printed because of --only-features".to_owned(),
                _ => group.about.to_owned(),
            };
            (group.name, escape_control(&why).into_owned())
        };
        // The actions of the other groups are in a group that every cluster needs.
        let has_statement = |group: &&&'static FeatureGroup| self.statements.iter().any(|one| one.group == group.name);
        self.selection.groups.iter().filter(has_statement).map(line).collect()
    }

    fn name(&self) -> &str {
        self.args.policy_name.as_deref().unwrap_or(NAME)
    }

    /// The policies in as many parts as IAM needs, with their comments.
    fn managed(&self) -> Vec<ManagedPolicy> {
        let parts = PolicyPart::split(&self.statements);
        let reasons = self.reasons();
        let is_one = parts.len() == 1;
        let policy = |(index, part): (usize, &PolicyPart)| {
            let mut comments: Vec<String> = Vec::new();
            let mut last = "";
            for statement in &part.statements {
                let reason = reasons.iter().find(|(group, _)| *group == statement.group && *group != last);
                comments.extend(reason.map(|(_, why)| format!("{}: {why}", statement.sid)));
                last = statement.group;
            }
            let name = if is_one { self.name().to_owned() } else { format!("{}-{}", self.name(), index + 1) };
            ManagedPolicy { name, document: part.document(), comments }
        };
        parts.iter().enumerate().map(policy).collect()
    }

    /// Prints the policy.
    ///
    /// # Errors
    /// It is longer than IAM allows, the format needs more, or a file can't be written.
    pub(super) fn print(&self) -> Result<Printed, CommandError> {
        let mut summary: Vec<String> =
            self.reasons().into_iter().map(|(group, why)| format!("{group}: {why}")).collect();
        summary.extend(self.advice());
        let mut printed = Printed { summary, ..Printed::of(Vec::new()) };
        match (&self.args.output_dir, self.args.output) {
            (Some(directory), _) => printed.stdout = self.write(directory, &mut printed.messages)?.into_bytes(),
            (None, None | Some(PolicyFormat::Json)) => self.document(&mut printed)?,
            (None, Some(format)) => printed.stdout = self.formatted(format)?.into_bytes(),
        }
        Ok(printed)
    }

    /// A warning about rights that are wider than CAPA's use of them.
    fn advice(&self) -> Option<String> {
        let creates_roles = self.selection.groups.iter().any(|group| group.name == "eks-iam-roles");
        let open = creates_roles && (self.args.narrow.is_none() || self.target.uses.boundaries.is_empty());
        open.then(|| {
            "eks-iam-roles lets the role create roles with any policy, and change the trust policy of every role: set rolePermissionsBoundary in the EKS kinds and pass --narrow names, or omit it with --only-features".to_owned()
        })
    }

    /// A sentence about the length of the document, and whether IAM refuses it.
    fn length(&self) -> (String, bool) {
        let (managed, inline) = (PolicyKind::Managed.most(), PolicyKind::RoleInline.most());
        let count = limits::count(&policy_document(&self.statements).to_string());
        let statements = output::count(self.statements.len(), "statement");
        let text = if count <= managed {
            format!("{statements}, {count} characters: fits in one managed policy ({managed})")
        } else if count <= inline {
            format!(
                "{statements}, {count} characters: fits inline ({inline} for all inline policies of a role), but not in one managed policy ({managed})"
            )
        } else {
            format!(
                "the policy has {count} characters, but IAM allows {inline} inline and {managed} in a managed policy"
            )
        };
        (text, count > inline)
    }

    /// Prints the document. One that IAM refuses for its length is only for reading: `-o json`, which is for programs,
    /// refuses it.
    fn document(&self, printed: &mut Printed) -> Result<(), CommandError> {
        let (text, is_too_long) = self.length();
        let parts = PolicyPart::split(&self.statements).len();
        let split = format!("--output-dir DIR writes {parts} managed policies");
        if is_too_long {
            let diagnostic = |diagnostic: Diagnostic| diagnostic.help(split).help(self.choice());
            if self.args.output.is_some() {
                return Err(diagnostic(Diagnostic::error(text)).into());
            }
            printed.messages.plain(vec![diagnostic(Diagnostic::warning(text))]);
        } else {
            printed.summary.push(if parts > 1 { format!("{text}; {split}") } else { text });
        }
        printed.stdout = format!("{:#}\n", policy_document(&self.statements)).into_bytes();
        Ok(())
    }

    /// How to choose the groups that the manifests need.
    fn choice(&self) -> String {
        let groups = self.target.uses.groups();
        let is_optional = |group: &&FeatureGroup| !group.is_always && groups.contains_key(group.name);
        let needed: Vec<&str> = self.target.table.groups.iter().filter(is_optional).map(|group| group.name).collect();
        match needed.is_empty() {
            true => "or choose the feature groups with --only-features".to_owned(),
            false => format!("or choose feature groups; these manifests use --only-features {}", needed.join(",")),
        }
    }

    /// Writes a file for each managed policy, all or none, and returns their names. Files of an earlier run that are not
    /// part of this policy get a warning.
    fn write(&self, directory: &Path, messages: &mut Messages) -> Result<String, CommandError> {
        let policies = self.managed();
        let file = |name: &str| directory.join(format!("{name}.json"));
        let files: BTreeMap<PathBuf, String> =
            policies.iter().map(|policy| (file(&policy.name), format!("{:#}\n", policy.document))).collect();
        write_new(&files)?;
        let numbered = (1..10).map(|number| format!("{}-{number}", self.name()));
        let others = std::iter::once(self.name().to_owned()).chain(numbered);
        let is_other = |name: &String| !policies.iter().any(|policy| policy.name == *name) && file(name).exists();
        for name in others.filter(is_other) {
            let message = format!("{} is from an earlier run, and not a part of this policy", file(&name).display());
            messages.plain(vec![
                Diagnostic::warning(message).help("remove it, and detach the managed policy if it exists"),
            ]);
        }
        Ok(policies.iter().map(|policy| format!("{}\n", file(&policy.name).display())).collect())
    }

    fn formatted(&self, format: PolicyFormat) -> Result<String, Diagnostic> {
        let policies = self.managed();
        let target = ManagedPolicies {
            about: format!("What CAPA {} needs in the target account, by feature group.", self.target.table.release),
            policies: &policies,
            role_name: self.target.role_name()?,
            account: self.target.surroundings.account.as_ref(),
            partition: self.target.partition,
            profile: self.args.target_profile.as_deref(),
        };
        Ok(match format {
            PolicyFormat::Cloudformation => target.cloudformation(),
            PolicyFormat::Terraform => target.terraform(),
            PolicyFormat::Cli => {
                let account = target.account.ok_or_else(|| {
                    Diagnostic::error("-o cli needs the account of the role that the script changes")
                        .help("add --account 222222222222")
                })?;
                target.script(account)
            }
            PolicyFormat::Clusterawsadm => self.clusterawsadm()?,
            PolicyFormat::Json => policy_document(&self.statements).to_string(),
        })
    }

    /// An `AWSIAMConfiguration`: the switches of clusterawsadm for the groups, and what it lacks as extra statements.
    ///
    /// Source: Cluster API Provider AWS v2.13.0, `cmd/clusterawsadm/api/bootstrap/v1beta1/types.go`.
    fn clusterawsadm(&self) -> Result<String, Diagnostic> {
        let role = match self.target.role_name()? {
            DEFAULT_ROLE_NAME => "controlPlane",
            CONTROLLERS_ROLE_NAME => "clusterAPIControllers",
            name => {
                let error = PieceError::NoRoleOfClusterawsadm { name: name.to_owned() };
                return Err(Diagnostic::error(error.to_string()));
            }
        };
        let has = |name: &str| self.selection.groups.iter().any(|group| group.name == name);
        let mut spec = json!({ "partition": self.target.partition.id() });
        spec["eks"] = json!({ "disable": !has("eks-control-plane"), "iamRoleCreation": has("eks-iam-roles") });
        spec["s3Buckets"] = json!({ "enable": has("s3-bucket") });
        spec["eventBridge"] = json!({ "enable": has("eventbridge") });
        let backends = [("bootstrap-secretsmanager", "secrets-manager"), ("bootstrap-ssm", "ssm-parameter-store")];
        let backends: Vec<&str> = backends.iter().filter(|(group, _)| has(group)).map(|(_, name)| *name).collect();
        spec["secureSecretBackends"] = json!(backends);
        spec[role]["extraStatements"] = self.additions();
        let configuration = json!({
            "apiVersion": "bootstrap.aws.infrastructure.cluster.x-k8s.io/v1beta1",
            "kind": "AWSIAMConfiguration",
            "spec": spec,
        });
        let mut text = "# Merge this into your own configuration: alone, it resets everything else that clusterawsadm created.\n# The extra statements are what CAPA calls and clusterawsadm does not grant.\n".to_owned();
        for (group, why) in self.reasons() {
            text += &format!("# {group}: {why}\n");
        }
        Ok(text + &yaml_text(&configuration))
    }

    /// The statements with only the rows that clusterawsadm lacks, in the form of its Go type: with lists.
    fn additions(&self) -> Value {
        let is_added = |statement: &GroupStatement, action: &str| {
            let rows =
                || self.target.table.grants.iter().filter(|row| row.group == statement.group && row.action == action);
            let own =
                |resources: &str| statement.resources.iter().all(|one| resources.split(',').any(|other| other == one));
            rows().any(|row| row.is_added && own(row.resources)) || !rows().any(|row| own(row.resources))
        };
        let list = |value: &mut Value| {
            if value.is_string() {
                *value = json!([value]);
            }
        };
        let statement = |statement: &GroupStatement| {
            let actions = statement.actions.iter().copied().filter(|action| is_added(statement, action)).collect();
            let kept = GroupStatement { actions, ..statement.clone() };
            (!kept.actions.is_empty()).then(|| {
                let mut value = kept.to_value();
                list(&mut value["Action"]);
                list(&mut value["Resource"]);
                value
            })
        };
        self.statements.iter().filter_map(statement).collect()
    }
}
