//! Both scripts, run with the AWS CLI and kubectl against an AWS on loopback that enforces policies; and the AssumeRole
//! call that they are for.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::said;
use crate::support::{peer, skip, xaccount};

pub(super) const SOURCE: &str = "111111111111";
const TARGET: &str = "222222222222";
const ROLE: &str = "control-plane.cluster-api-provider-aws.sigs.k8s.io";
const POLICY: &str = "xaccount-assume-role";
const EXTERNAL_ID: &str = "0123:a=b";
const ASSUME_ROLE: [&str; 5] = ["sts", "assume-role", "--role-session-name", "capa", "--role-arn"];

/// An emulated AWS. The key id of an account's root user is the account's id.
pub(super) struct Cloud {
    server: Child,
    endpoint: String,
    directory: tempfile::TempDir,
}

impl Cloud {
    pub(super) fn start(test: &str) -> Option<Self> {
        let mut programs = Vec::new();
        for name in ["ministack", "aws", "kubectl"] {
            let Some(program) = peer(name) else {
                skip(test, &format!("no {name}"));
                return None;
            };
            programs.push((name, program));
        }
        let directory = tempfile::tempdir().unwrap();
        let bin = directory.path().join("bin");
        fs::create_dir(&bin).unwrap();
        programs.push(("kubectl-xaccount", env!("CARGO_BIN_EXE_kubectl-xaccount").into()));
        for (name, program) in &programs {
            symlink(program, bin.join(name)).unwrap();
        }
        let keys = |account: &str| format!("aws_access_key_id = {account}\naws_secret_access_key = x\n");
        let profiles = format!("[the source]\n{}[the target]\n{}", keys(SOURCE), keys(TARGET));
        fs::write(directory.path().join("credentials"), profiles).unwrap();

        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let log = fs::File::create(directory.path().join("log")).unwrap();
        let server = Command::new(&programs[0].1)
            .env_clear()
            .envs([("AUTH", "true"), ("BIND_HOST", "127.0.0.1")])
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", directory.path())
            .env("GATEWAY_PORT", port.to_string())
            .current_dir(directory.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut cloud = Self { server, endpoint: format!("http://127.0.0.1:{port}"), directory };
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let over = cloud.server.try_wait().unwrap().is_some() || begun.elapsed() > Duration::from_secs(60);
            assert!(!over, "{}", fs::read_to_string(cloud.path("log")).unwrap());
            std::thread::sleep(Duration::from_millis(50));
        }
        Some(cloud)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A program in an environment whose only credentials are the profiles.
    fn command(&self, program: &Path) -> Command {
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", format!("{}:{path}", self.path("bin").display()))
            .env("HOME", self.directory.path())
            .env("AWS_ENDPOINT_URL", &self.endpoint)
            .env("AWS_DEFAULT_REGION", "us-east-1")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_CONFIG_FILE", self.path("config"))
            .env("AWS_SHARED_CREDENTIALS_FILE", self.path("credentials"))
            .current_dir(self.directory.path());
        command
    }

    /// The answer of the AWS CLI to an account's root user, as JSON.
    pub(super) fn aws(&self, account: &str, words: &[&str]) -> Value {
        let mut command = self.command(&self.path("bin/aws"));
        command.env("AWS_ACCESS_KEY_ID", account).env("AWS_SECRET_ACCESS_KEY", "x");
        let out = command.args(words).args(["--output", "json"]).output().unwrap();
        assert!(out.status.success(), "{words:?}: {}", said(&out));
        serde_json::from_slice(&out.stdout).unwrap_or_default()
    }

    fn trust_policy(&self, account: &str) -> Value {
        self.aws(account, &["iam", "get-role", "--role-name", ROLE, "--query", "Role.AssumeRolePolicyDocument"])
    }

    fn create_role(&self, account: &str, trust: &Value) {
        let trust = trust.to_string();
        self.aws(account, &["iam", "create-role", "--role-name", ROLE, "--assume-role-policy-document", &trust]);
    }

    /// Runs the script printed by the program.
    pub(super) fn run_script(&self, words: &[&str]) -> Output {
        let script = xaccount().arg("iam").args(words).args(["-o", "cli"]).output().unwrap();
        assert!(script.status.success(), "{}", said(&script));
        let file = self.path("script");
        fs::write(&file, &script.stdout).unwrap();
        self.command(Path::new("/bin/sh")).arg(file).output().unwrap()
    }

    /// The environment variables of a session of the source role.
    fn source_session(&self) -> [(&'static str, String); 3] {
        let session = self.aws(SOURCE, &[&ASSUME_ROLE[..], &[&arn(SOURCE)]].concat());
        let key = |name: &str| session["Credentials"][name].as_str().unwrap().to_owned();
        [
            ("AWS_ACCESS_KEY_ID", key("AccessKeyId")),
            ("AWS_SECRET_ACCESS_KEY", key("SecretAccessKey")),
            ("AWS_SESSION_TOKEN", key("SessionToken")),
        ]
    }

    /// Whether a session of the source role may assume the target role.
    fn can_assume(&self, session: &[(&'static str, String); 3], external_id: &str) -> bool {
        let mut command = self.command(&self.path("bin/aws"));
        command.envs(session.iter().cloned()).args(ASSUME_ROLE).arg(arn(TARGET));
        if !external_id.is_empty() {
            command.args(["--external-id", external_id]);
        }
        let out = command.output().unwrap();
        assert!(out.status.success() || said(&out).contains("(AccessDenied)"), "{}", said(&out));
        out.status.success()
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// The role's ARN in an account.
fn arn(account: &str) -> String {
    format!("arn:aws:iam::{account}:role/{ROLE}")
}

pub(super) fn trusts(principal: &Value) -> Value {
    json!({ "Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole" })
}

pub(super) fn document(statements: &[&Value]) -> Value {
    json!({ "Version": "2012-10-17", "Statement": statements })
}

/// The output of a run, which changed something or not.
fn shown(out: &Output, changed: bool) -> String {
    let text = said(out);
    assert!(out.status.success(), "{text}");
    assert_eq!(text.contains("unchanged"), !changed, "{text}");
    assert_eq!(text.contains("+++ merged.json"), changed, "{text}");
    text
}

#[test]
fn the_role_can_be_assumed_only_with_both_policies() {
    let Some(cloud) = Cloud::start("the_role_can_be_assumed_only_with_both_policies") else { return };
    let ec2 = trusts(&json!({ "Service": "ec2.amazonaws.com" }));
    cloud.create_role(TARGET, &document(&[&ec2]));
    // The test has to assume the role that the controller runs as.
    cloud.create_role(SOURCE, &document(&[&trusts(&json!({ "AWS": format!("arn:aws:iam::{SOURCE}:root") }))]));
    let session = cloud.source_session();
    let can_assume = |external_id: &str| cloud.can_assume(&session, external_id);
    assert!(!can_assume(EXTERNAL_ID), "without policies");

    let trust = [
        "trust",
        "--source-account",
        SOURCE,
        "--account",
        TARGET,
        "--external-id",
        EXTERNAL_ID,
        "--target-profile",
        "the target",
    ];
    let text = shown(&cloud.run_script(&trust), true);
    assert!(text.contains(EXTERNAL_ID), "{text}");
    let mut grant = trusts(&json!({ "AWS": arn(SOURCE) }));
    grant["Condition"] = json!({ "StringEquals": { "sts:ExternalId": EXTERNAL_ID } });
    assert_eq!(cloud.trust_policy(TARGET), document(&[&ec2, &grant]));
    shown(&cloud.run_script(&trust), false);
    assert!(!can_assume(EXTERNAL_ID), "only the trust policy");

    let permission = ["permission", "--source-account", SOURCE, "--source-profile", "the source", "--account"];
    let with = |account: &'static str| [&permission[..], &[account]].concat();
    let policy = || {
        let words =
            ["iam", "get-role-policy", "--role-name", ROLE, "--policy-name", POLICY, "--query", "PolicyDocument"];
        cloud.aws(SOURCE, &words)
    };
    let allows = |accounts: &[&str]| {
        let arns: Vec<Value> = accounts.iter().map(|id| json!(arn(id))).collect();
        let arns = if arns.len() == 1 { arns[0].clone() } else { json!(arns) };
        document(&[&json!({ "Effect": "Allow", "Action": "sts:AssumeRole", "Resource": arns })])
    };
    shown(&cloud.run_script(&with(TARGET)), true);
    assert_eq!(policy(), allows(&[TARGET]));
    shown(&cloud.run_script(&with(TARGET)), false);
    assert!(can_assume(EXTERNAL_ID), "both policies");
    assert!(!can_assume("0123:a=c"), "another external id");
    assert!(!can_assume(""), "no external id");

    shown(&cloud.run_script(&with("444444444444")), true);
    assert_eq!(policy(), allows(&[TARGET, "444444444444"]));
    assert!(can_assume(EXTERNAL_ID), "with a second account");

    let old = document(&[&ec2]).to_string();
    cloud.aws(TARGET, &["iam", "update-assume-role-policy", "--role-name", ROLE, "--policy-document", &old]);
    assert!(!can_assume(EXTERNAL_ID), "only the permissions policy");
}

#[test]
fn the_policy_is_deleted_with_its_last_grant() {
    let Some(cloud) = Cloud::start("the_policy_is_deleted_with_its_last_grant") else { return };
    cloud.create_role(SOURCE, &document(&[&trusts(&json!({ "Service": "ec2.amazonaws.com" }))]));
    let permission = ["permission", "--source-account", SOURCE, "--source-profile", "the source", "--account"];
    let with = |account: &'static str| [&permission[..], &[account]].concat();
    let without = |account: &'static str| [&with(account)[..], &["--remove"]].concat();
    let policies = || cloud.aws(SOURCE, &["iam", "list-role-policies", "--role-name", ROLE])["PolicyNames"].clone();
    shown(&cloud.run_script(&without(TARGET)), false);
    shown(&cloud.run_script(&with(TARGET)), true);
    shown(&cloud.run_script(&with("444444444444")), true);
    shown(&cloud.run_script(&without("444444444444")), true);
    assert_eq!(policies(), json!([POLICY]));
    let text = shown(&cloud.run_script(&without(TARGET)), true);
    assert!(text.contains("deleted the inline policy"), "{text}");
    assert_eq!(policies(), json!([]));
    shown(&cloud.run_script(&without(TARGET)), false);
    for words in [with(TARGET), without(TARGET)] {
        let out = cloud.run_script(&[&words[..], &["--source-role", "missing"]].concat());
        let text = said(&out);
        assert!(!out.status.success() && text.contains("does not exist in account"), "{text}");
    }
}

#[test]
fn a_stack_makes_the_role_and_the_script_names_it() {
    let Some(cloud) = Cloud::start("a_stack_makes_the_role_and_the_script_names_it") else { return };
    let out = xaccount()
        .args(["iam", "trust", "--source-account", SOURCE, "--account", TARGET, "-o", "cloudformation"])
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", said(&out));
    fs::write(cloud.path("template.json"), &out.stdout).unwrap();
    let template = format!("file://{}", cloud.path("template.json").display());
    let create = ["cloudformation", "create-stack", "--stack-name", "capa", "--capabilities", "CAPABILITY_NAMED_IAM"];
    cloud.aws(TARGET, &[&create[..], &["--template-body", &template]].concat());
    cloud.aws(TARGET, &["cloudformation", "wait", "stack-create-complete", "--stack-name", "capa"]);
    let parsed: Value = serde_json::from_slice(&out.stdout).unwrap();
    let (_, role) = parsed["Resources"].as_object().unwrap().iter().next().unwrap();
    assert_eq!(cloud.trust_policy(TARGET), role["Properties"]["AssumeRolePolicyDocument"]);
    assert_eq!(role["Properties"]["AssumeRolePolicyDocument"]["Statement"].as_array().unwrap().len(), 2);

    // The emulated AWS finds a stack only by its name.
    let aws = fs::read_link(cloud.path("bin/aws")).unwrap();
    fs::remove_file(cloud.path("bin/aws")).unwrap();
    let by_name = format!(
        "#!/bin/sh\nfor word; do\n  shift\n  case $word in --physical-resource-id={ROLE}) word=--stack-name=capa ;; esac\n  \
         set -- \"$@\" \"$word\"\ndone\nexec '{}' \"$@\"\n",
        aws.display()
    );
    fs::write(cloud.path("bin/aws"), by_name).unwrap();
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(cloud.path("bin/aws"), executable).unwrap();
    let other = ["trust", "--source-account", "333333333333", "--account", TARGET, "--target-profile", "the target"];
    let text = shown(&cloud.run_script(&other), true);
    assert!(text.contains("Warning: ") && text.contains("in the CloudFormation stack capa,"), "{text}");
}
