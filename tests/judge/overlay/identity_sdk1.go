package identity

import (
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/request"
	"github.com/aws/aws-sdk-go/service/sts"
	"github.com/aws/aws-sdk-go/service/sts/stsiface"
)

// Call is what a role identity sends to sts:AssumeRole.
type Call struct {
	RoleARN, SessionName, ExternalID, Policy *string
	DurationSeconds                          *int64
}

// recorder is STS: it writes the calls down and always returns credentials.
type recorder struct {
	stsiface.STSAPI
	role  *AWSRolePrincipalTypeProvider
	calls map[string]Call
}

func (r *recorder) AssumeRoleWithContext(_ aws.Context, input *sts.AssumeRoleInput, _ ...request.Option) (*sts.AssumeRoleOutput, error) {
	call := Call{input.RoleArn, input.RoleSessionName, input.ExternalId, input.Policy, input.DurationSeconds}
	// The SDK generates a name from the time.
	if r.role.Principal.Spec.SessionName == "" {
		call.SessionName = nil
	}
	r.calls[r.role.Name()] = call
	return &sts.AssumeRoleOutput{Credentials: &sts.Credentials{
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
	_, err := provider.Retrieve()
	return calls, err
}
