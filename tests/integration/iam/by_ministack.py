"""Decides requests with ministack's evaluator. Each line of stdin is a request as JSON, each line of stdout its decision."""
import json
import sys

from ministack.core.iam_evaluator import EvalContext, evaluate, evaluate_trust_policy, parse_policy_document


def decide(request):
    context = request["context"]
    ctx = EvalContext(
        principal_arn=context["aws:principalarn"],
        principal_type=context["aws:principaltype"],
        principal_account=context["aws:principalaccount"],
        action=request["action"],
        resource_arn=request["resource"],
        region="us-east-1",
        source_ip=context.get("aws:sourceip", ""),
        secure_transport=context.get("aws:securetransport") == "true",
        service_context=context,
    )
    if request["isTrust"]:
        return evaluate_trust_policy(request["document"], request["principal"], ctx)
    return evaluate(ctx, [parse_policy_document(request["document"])]).decision == "Allow"


for line in sys.stdin:
    print("Allowed" if decide(json.loads(line)) else "Denied", flush=False)
