package identity

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	ststypes "github.com/aws/aws-sdk-go-v2/service/sts/types"

	stsservice "sigs.k8s.io/cluster-api-provider-aws/v2/pkg/cloud/services/sts"
)

// Call is what a role identity sends to sts:AssumeRole.
type Call struct {
	RoleARN, SessionName, ExternalID, Policy *string
	DurationSeconds                          *int64
}

// recorder is STS: it writes the calls down and always returns credentials.
type recorder struct {
	stsservice.STSClient
	role  *AWSRolePrincipalTypeProvider
	calls map[string]Call
}

func (r *recorder) AssumeRole(_ context.Context, input *sts.AssumeRoleInput, _ ...func(*sts.Options)) (*sts.AssumeRoleOutput, error) {
	seconds := int64(aws.ToInt32(input.DurationSeconds))
	call := Call{input.RoleArn, input.RoleSessionName, input.ExternalId, input.Policy, &seconds}
	// The SDK generates a name from the time.
	if r.role.Principal.Spec.SessionName == "" {
		call.SessionName = nil
	}
	r.calls[r.role.Name()] = call
	return &sts.AssumeRoleOutput{Credentials: &ststypes.Credentials{
		AccessKeyId: aws.String("a"), SecretAccessKey: aws.String("s"), SessionToken: aws.String("t"),
		Expiration: aws.Time(time.Now().Add(time.Hour)),
	}}, nil
}

// Calls retrieves credentials as CAPA does, and returns the calls by the names of their identities.
func Calls(provider AWSPrincipalTypeProvider) (map[string]Call, error) {
	calls := map[string]Call{}
	for next := provider; next != nil; {
		role, ok := next.(*AWSRolePrincipalTypeProvider)
		if !ok {
			break
		}
		role.stsClient = &recorder{role: role, calls: calls}
		next = role.sourceProvider
	}
	_, err := provider.Retrieve(context.Background())
	return calls, err
}
