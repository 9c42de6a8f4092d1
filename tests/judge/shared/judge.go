package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/cluster-api/util/predicates"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	infrav1 "sigs.k8s.io/cluster-api-provider-aws/v2/api/v1beta2"
	"sigs.k8s.io/cluster-api-provider-aws/v2/exp/controlleridentitycreator"
	"sigs.k8s.io/cluster-api-provider-aws/v2/pkg/cloud"
	"sigs.k8s.io/cluster-api-provider-aws/v2/pkg/cloud/identity"
	"sigs.k8s.io/cluster-api-provider-aws/v2/pkg/cloud/scope"
)

// judge applies the objects, lets CAPA create the controller identity, and follows the references of the cluster.
func judge(server *server, question question) (answer verdict) {
	answer.Refused = map[int]string{}
	answer.Chain = []hop{}
	state := &cluster{server: server, objects: map[key]*unstructured.Unstructured{}}
	var evaluated *unstructured.Unstructured
	for index, raw := range question.Objects {
		stored, err := server.apply(raw)
		if err != nil {
			answer.Refused[index] = err.Error()
			continue
		}
		state.objects[keyOf(stored)] = stored
		if index == question.Cluster {
			evaluated = stored
		}
	}
	if err := createControllerIdentity(state); err != nil {
		return answer.stop("error", "CreatorFailed", err.Error())
	}
	answer.Created = state.created
	if evaluated == nil {
		return answer.stop("error", "ClusterRefused", answer.Refused[question.Cluster])
	}
	addNamespace(state, evaluated.GetNamespace())
	state.requested = nil
	providers, err := providersOf(state, evaluated)
	calls := map[string]identity.Call{}
	if err == nil && len(providers) > 0 {
		calls, err = identity.Calls(providers[0])
	}
	for _, key := range state.requested {
		answer.Chain = append(answer.Chain, hopOf(key, calls))
	}
	switch {
	case err == nil:
		return answer.stop("permitted", "", "")
	case err == errEndless:
		answer.Chain = []hop{}
		return answer.stop("crash", "EndlessRecursion", err.Error())
	case strings.HasPrefix(err.Error(), "Namespace is not permitted to use "):
		return answer.stop("denied", "NamespaceNotPermitted", err.Error())
	case apierrors.IsNotFound(err):
		return answer.stop("error", "NotFound", err.Error())
	case strings.HasPrefix(err.Error(), "Expected AWSClusterControllerIdentity of name"):
		return answer.stop("error", "ControllerIdentityName", err.Error())
	case strings.HasPrefix(err.Error(), "failed to get label selector"):
		return answer.stop("error", "InvalidSelector", err.Error())
	}
	return answer.stop("error", "Other", err.Error())
}

// addNamespace adds the namespace of the evaluated object, which exists if the object does, with the label that every
// namespace has (k8s.io/kubernetes, pkg/apis/core/v1/defaults.go).
func addNamespace(state *cluster, name string) {
	key := key{kind: "Namespace", name: name}
	if _, ok := state.objects[key]; ok || name == "" {
		return
	}
	namespace := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Namespace"}}
	namespace.SetName(name)
	namespace.SetLabels(map[string]string{corev1.LabelMetadataName: name})
	state.objects[key] = namespace
}

func (v verdict) stop(outcome, reason, message string) verdict {
	v.Verdict, v.Reason, v.Message = outcome, reason, message
	return v
}

var errEndless = fmt.Errorf("CAPA recurses without end")

// providersOf calls CAPA's getProvidersForCluster (pkg/cloud/scope/session.go).
func providersOf(state *cluster, u *unstructured.Unstructured) (providers []identity.AWSPrincipalTypeProvider, err error) {
	object, ref, err := typed(state.server.scheme, u)
	if err != nil {
		return nil, err
	}
	defer func() {
		switch reason := recover().(type) {
		case nil:
		case endlessRecursion:
			providers, err = nil, errEndless
		default:
			panic(reason)
		}
	}()
	return scope.Providers(state, &session{object, ref})
}

// typed converts a stored object to CAPA's type, and returns its identity reference.
func typed(scheme *runtime.Scheme, u *unstructured.Unstructured) (cloud.ClusterObject, *infrav1.AWSIdentityReference, error) {
	object, err := scheme.New(u.GroupVersionKind())
	if err != nil {
		return nil, nil, err
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, object); err != nil {
		return nil, nil, err
	}
	ref, err := reference(object)
	if err != nil {
		return nil, nil, err
	}
	found, ok := object.(cloud.ClusterObject)
	if !ok {
		return nil, nil, fmt.Errorf("%T has no conditions", object)
	}
	return found, ref, nil
}

// session is what a scope of CAPA tells the code that builds sessions.
type session struct {
	object cloud.ClusterObject
	ref    *infrav1.AWSIdentityReference
}

func (s *session) Namespace() string                          { return s.object.GetNamespace() }
func (s *session) InfraClusterName() string                   { return s.object.GetName() }
func (s *session) InfraCluster() cloud.ClusterObject          { return s.object }
func (s *session) IdentityRef() *infrav1.AWSIdentityReference { return s.ref }
func (s *session) ControllerName() string                     { return "judge" }

// createControllerIdentity runs CAPA's AutoControllerIdentityCreator for each object that it watches.
func createControllerIdentity(state *cluster) error {
	reconciler := &controlleridentitycreator.AWSControllerIdentityReconciler{Client: state}
	// The event filter of its SetupWithManager.
	filter := predicates.ResourceNotPausedAndHasFilterLabel(state.server.scheme, logr.Discard(), "")
	var watched []client.Object
	for key, stored := range state.objects {
		if key.kind != "AWSCluster" && key.kind != "AWSManagedControlPlane" {
			continue
		}
		object, _, err := typed(state.server.scheme, stored)
		if err != nil {
			return err
		}
		watched = append(watched, object.(client.Object))
	}
	for _, object := range watched {
		if !filter.Create(event.CreateEvent{Object: object}) {
			continue
		}
		request := ctrl.Request{NamespacedName: client.ObjectKeyFromObject(object)}
		if _, err := reconciler.Reconcile(context.Background(), request); err != nil {
			return err
		}
	}
	return nil
}

func hopOf(key key, calls map[string]identity.Call) hop {
	hop := hop{Kind: key.kind, Name: key.name}
	call, ok := calls[key.name]
	if !ok || key.kind != string(infrav1.ClusterRoleIdentityKind) {
		return hop
	}
	hop.RoleARN, hop.SessionName, hop.ExternalID, hop.Policy = call.RoleARN, call.SessionName, call.ExternalID, call.Policy
	if call.DurationSeconds != nil {
		seconds := *call.DurationSeconds
		hop.DurationSeconds = &seconds
	}
	return hop
}
