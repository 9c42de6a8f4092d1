package main

import (
	"fmt"

	"k8s.io/apimachinery/pkg/runtime"

	infrav1 "sigs.k8s.io/cluster-api-provider-aws/v2/api/v1beta2"
	eksv1 "sigs.k8s.io/cluster-api-provider-aws/v2/controlplane/eks/api/v1beta2"
	rosav1 "sigs.k8s.io/cluster-api-provider-aws/v2/controlplane/rosa/api/v1beta2"
	expv1 "sigs.k8s.io/cluster-api-provider-aws/v2/exp/api/v1beta2"
)

var schemes = []func(*runtime.Scheme) error{
	infrav1.AddToScheme, eksv1.AddToScheme, rosav1.AddToScheme, expv1.AddToScheme,
}

// The webhooks of CAPA's main.go for the kinds that a chain has.
var setups = []webhookSetup{
	&infrav1.AWSCluster{},
	&infrav1.AWSClusterControllerIdentity{},
	&infrav1.AWSClusterRoleIdentity{},
	&infrav1.AWSClusterStaticIdentity{},
	&eksv1.AWSManagedControlPlane{},
	&rosav1.ROSAControlPlane{},
}

// reference returns the identity reference that the object's scope uses.
func reference(object runtime.Object) (*infrav1.AWSIdentityReference, error) {
	switch object := object.(type) {
	case *infrav1.AWSCluster:
		return object.Spec.IdentityRef, nil
	case *eksv1.AWSManagedControlPlane:
		return object.Spec.IdentityRef, nil
	case *rosav1.ROSAControlPlane:
		return object.Spec.IdentityRef, nil
	}
	return nil, fmt.Errorf("%T has no identity reference", object)
}
