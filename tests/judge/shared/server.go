package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	structuraldefaulting "k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	structurallisttype "k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	schemaobjectmeta "k8s.io/apiextensions-apiserver/pkg/apiserver/schema/objectmeta"
	structuralpruning "k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	crvalidation "k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	utilvalidation "k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/webhook"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
	"sigs.k8s.io/yaml"

	"github.com/go-logr/logr"
)

// resource is a kind of a CRD with everything that the API server uses to create an object of it.
type resource struct {
	gvk        schema.GroupVersionKind
	plural     string
	namespaced bool
	status     bool
	structural *structuralschema.Structural
	validator  crvalidation.SchemaValidator
	cel        *cel.Validator
	// CAPA's webhooks; nil if it registers none for the kind.
	mutating, validating *admission.Webhook
}

// server is an API server with CAPA's CRDs and webhooks, without objects.
type server struct {
	scheme    *runtime.Scheme
	mapper    *meta.DefaultRESTMapper
	resources map[schema.GroupVersionKind]*resource
}

// webhooks collects what CAPA registers at a manager's webhook server.
type webhooks struct {
	webhook.Server
	byPath map[string]*admission.Webhook
}

func (w *webhooks) Register(path string, hook http.Handler) {
	if hook, ok := hook.(*admission.Webhook); ok {
		w.byPath[path] = hook
	}
}

func (*webhooks) WebhookMux() *http.ServeMux { return nil }

// fakeManager has as much of a manager as the setup of webhooks uses.
type fakeManager struct {
	manager.Manager
	scheme *runtime.Scheme
	server *webhooks
}

func (m *fakeManager) GetScheme() *runtime.Scheme       { return m.scheme }
func (m *fakeManager) GetWebhookServer() webhook.Server { return m.server }
func (*fakeManager) GetConfig() *rest.Config            { return &rest.Config{} }
func (*fakeManager) GetLogger() logr.Logger             { return logr.Discard() }

// webhookSetup is CAPA's registration of the webhooks of one kind.
type webhookSetup interface {
	SetupWebhookWithManager(mgr ctrl.Manager) error
}

func newServer(crds string) (*server, error) {
	s := &server{runtime.NewScheme(), meta.NewDefaultRESTMapper(nil), map[schema.GroupVersionKind]*resource{}}
	if err := corev1.AddToScheme(s.scheme); err != nil {
		return nil, err
	}
	for _, add := range schemes {
		if err := add(s.scheme); err != nil {
			return nil, err
		}
	}
	files, err := filepath.Glob(filepath.Join(crds, "*.yaml"))
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		if err := s.addCRD(file); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
	}
	hooks := &webhooks{byPath: map[string]*admission.Webhook{}}
	manager := &fakeManager{scheme: s.scheme, server: hooks}
	for _, setup := range setups {
		if err := setup.SetupWebhookWithManager(manager); err != nil {
			return nil, err
		}
	}
	// The paths are those of controller-runtime, pkg/builder/webhook.go, and of CAPA's config/webhook/manifests.yaml.
	for gvk, resource := range s.resources {
		path := strings.ReplaceAll(gvk.Group, ".", "-") + "-" + gvk.Version + "-" + strings.ToLower(gvk.Kind)
		resource.mutating, resource.validating = hooks.byPath["/mutate-"+path], hooks.byPath["/validate-"+path]
	}
	if len(s.resources) == 0 {
		return nil, fmt.Errorf("no CRDs in %s", crds)
	}
	return s, nil
}

func (s *server) addCRD(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	crd := &apiextensionsv1.CustomResourceDefinition{}
	if err := yaml.Unmarshal(text, crd); err != nil || crd.Spec.Group == "" {
		return err
	}
	for _, version := range crd.Spec.Versions {
		if !version.Served {
			continue
		}
		props := &apiextensions.JSONSchemaProps{}
		err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(version.Schema.OpenAPIV3Schema, props, nil)
		if err != nil {
			return err
		}
		gvk := schema.GroupVersionKind{Group: crd.Spec.Group, Version: version.Name, Kind: crd.Spec.Names.Kind}
		r := &resource{gvk: gvk, plural: crd.Spec.Names.Plural, namespaced: crd.Spec.Scope == apiextensionsv1.NamespaceScoped}
		r.status = version.Subresources != nil && version.Subresources.Status != nil
		if r.structural, err = structuralschema.NewStructural(props); err != nil {
			return err
		}
		if err := structuraldefaulting.PruneDefaults(r.structural); err != nil {
			return err
		}
		if r.validator, _, err = crvalidation.NewSchemaValidator(props); err != nil {
			return err
		}
		r.cel = cel.NewValidator(r.structural, true, celconfig.PerCallLimit)
		s.resources[gvk] = r
		scope := meta.RESTScopeRoot
		if r.namespaced {
			scope = meta.RESTScopeNamespace
		}
		s.mapper.Add(gvk, scope)
	}
	return nil
}

// typeMeta reads what kubectl and the API server find an object's resource by.
type typeMeta struct {
	APIVersion string            `json:"apiVersion"`
	Kind       string            `json:"kind"`
	Metadata   metav1.ObjectMeta `json:"metadata"`
}

// apply does what `kubectl apply` and the API server do with a manifest whose object does not exist yet. It returns the
// stored object.
func (s *server) apply(raw []byte) (*unstructured.Unstructured, error) {
	// kubectl decodes the metadata first (cli-runtime, pkg/resource/metadata_decoder.go).
	head := typeMeta{}
	if err := utiljson.Unmarshal(raw, &head); err != nil {
		return nil, err
	}
	if head.Metadata.Name == "" {
		return nil, errors.New("resource name may not be empty")
	}
	gv, err := schema.ParseGroupVersion(head.APIVersion)
	if err != nil {
		return nil, err
	}
	gvk := gv.WithKind(head.Kind)
	if gv == corev1.SchemeGroupVersion {
		return s.applyCore(raw, gvk)
	}
	resource, ok := s.resources[gvk]
	if !ok {
		return nil, fmt.Errorf("no matches for kind %q in version %q", gvk.Kind, gv)
	}
	object := map[string]any{}
	if err := utiljson.Unmarshal(raw, &object); err != nil {
		return nil, err
	}
	return s.create(resource, &unstructured.Unstructured{Object: object})
}

// create is the API server's creation of a custom resource.
func (s *server) create(r *resource, u *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	if r.namespaced && u.GetNamespace() == "" {
		u.SetNamespace(metav1.NamespaceDefault)
	}
	if !r.namespaced {
		u.SetNamespace("")
	}
	if err := r.coerce(u, false); err != nil {
		return nil, err
	}
	structuraldefaulting.Default(u.Object, r.structural)
	u, err := r.mutate(u)
	if err != nil {
		return nil, err
	}
	u.SetUID(types.UID("00000000-0000-0000-0000-000000000000"))
	u.SetCreationTimestamp(metav1.Unix(1, 0))
	u.SetGeneration(1)
	if r.status {
		delete(u.Object, "status")
	}
	if errs := r.validate(u); len(errs) > 0 {
		return nil, errs.ToAggregate()
	}
	if r.validating != nil {
		if response := r.call(r.validating, u); !response.Allowed {
			return nil, denial(response)
		}
	}
	// etcd's decoder coerces again, and drops what it does not know.
	if err := r.coerce(u, true); err != nil {
		return nil, err
	}
	structuraldefaulting.Default(u.Object, r.structural)
	return u, nil
}

// coerce is what apiextensions-apiserver does with each decoded object: `unstructuredSchemaCoercer.apply` in
// pkg/apiserver/customresource_handler.go.
func (r *resource) coerce(u *unstructured.Unstructured, stored bool) error {
	objectMeta, found, err := schemaobjectmeta.GetObjectMeta(u.Object, stored)
	if err != nil {
		return err
	}
	structuralpruning.Prune(u.Object, r.structural, true)
	structuraldefaulting.PruneNonNullableNullsWithoutDefaults(u.Object, r.structural)
	if err := schemaobjectmeta.Coerce(nil, u.Object, r.structural, false, stored); err != nil {
		return err
	}
	if found {
		return schemaobjectmeta.SetObjectMeta(u.Object, objectMeta)
	}
	return nil
}

// mutate calls the mutating webhook, as k8s.io/apiserver does in pkg/admission/plugin/webhook/mutating/dispatcher.go.
func (r *resource) mutate(u *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	if r.mutating == nil {
		return u, nil
	}
	response := r.call(r.mutating, u)
	if !response.Allowed {
		return nil, denial(response)
	}
	if len(response.Patch) == 0 {
		return u, nil
	}
	patch, err := jsonpatch.DecodePatch(response.Patch)
	if err != nil {
		return nil, err
	}
	text, err := u.MarshalJSON()
	if err != nil {
		return nil, err
	}
	if text, err = patch.Apply(text); err != nil {
		return nil, err
	}
	patched := &unstructured.Unstructured{}
	if err := patched.UnmarshalJSON(text); err != nil {
		return nil, err
	}
	structuraldefaulting.Default(patched.Object, r.structural)
	return patched, nil
}

func (r *resource) call(hook *admission.Webhook, u *unstructured.Unstructured) admission.Response {
	text, err := u.MarshalJSON()
	if err != nil {
		return admission.Errored(http.StatusInternalServerError, err)
	}
	return hook.Handle(context.Background(), admission.Request{AdmissionRequest: admissionv1.AdmissionRequest{
		UID:       "1",
		Kind:      metav1.GroupVersionKind{Group: r.gvk.Group, Version: r.gvk.Version, Kind: r.gvk.Kind},
		Resource:  metav1.GroupVersionResource{Group: r.gvk.Group, Version: r.gvk.Version, Resource: r.plural},
		Name:      u.GetName(),
		Namespace: u.GetNamespace(),
		Operation: admissionv1.Create,
		Object:    runtime.RawExtension{Raw: text},
	}})
}

func denial(response admission.Response) error {
	if response.Result == nil {
		return errors.New("admission webhook denied the request")
	}
	return fmt.Errorf("admission webhook denied the request: %s", response.Result.Message)
}

// validate is `customResourceStrategy.Validate` of apiextensions-apiserver, pkg/registry/customresource/strategy.go.
func (r *resource) validate(u *unstructured.Unstructured) field.ErrorList {
	errs := validation.ValidateObjectMetaAccessor(u, r.namespaced, validation.NameIsDNSSubdomain, field.NewPath("metadata"))
	errs = append(errs, crvalidation.ValidateCustomResource(nil, u.UnstructuredContent(), r.validator)...)
	errs = append(errs, schemaobjectmeta.Validate(nil, u.Object, r.structural, false)...)
	errs = append(errs, structurallisttype.ValidateListSetsAndMaps(nil, r.structural, u.Object)...)
	if r.cel != nil && len(errs) == 0 {
		found, _ := r.cel.Validate(context.Background(), nil, r.structural, u.Object, nil, celconfig.RuntimeCELCostBudget)
		errs = append(errs, found...)
	}
	return errs
}

// applyCore creates a Namespace or a Secret. Their registries are in k8s.io/kubernetes, which is not a library: the
// rules for metadata are apimachinery's, the rest is modelled (pkg/apis/core/v1/defaults.go, pkg/apis/core/validation).
func (s *server) applyCore(raw []byte, gvk schema.GroupVersionKind) (*unstructured.Unstructured, error) {
	object, err := s.scheme.New(gvk)
	if err != nil {
		return nil, fmt.Errorf("no matches for kind %q in version \"v1\"", gvk.Kind)
	}
	if err := utiljson.Unmarshal(raw, object); err != nil {
		return nil, err
	}
	path := field.NewPath("metadata")
	var errs field.ErrorList
	switch object := object.(type) {
	case *corev1.Namespace:
		object.Namespace = ""
		errs = validation.ValidateObjectMeta(&object.ObjectMeta, false, validation.ValidateNamespaceName, path)
		if object.Labels == nil {
			object.Labels = map[string]string{}
		}
		// SetDefaults_Namespace
		object.Labels[corev1.LabelMetadataName] = object.Name
	case *corev1.Secret:
		if object.Namespace == "" {
			object.Namespace = metav1.NamespaceDefault
		}
		errs = validation.ValidateObjectMeta(&object.ObjectMeta, true, validation.NameIsDNSSubdomain, path)
		for key, value := range object.StringData {
			if object.Data == nil {
				object.Data = map[string][]byte{}
			}
			object.Data[key] = []byte(value)
		}
		object.StringData = nil
		for key := range object.Data {
			for _, message := range utilvalidation.IsConfigMapKey(key) {
				errs = append(errs, field.Invalid(field.NewPath("data").Key(key), key, message))
			}
		}
	default:
		return nil, fmt.Errorf("not modelled: %s", gvk.Kind)
	}
	if len(errs) > 0 {
		return nil, errs.ToAggregate()
	}
	text, err := json.Marshal(object)
	if err != nil {
		return nil, err
	}
	stored := &unstructured.Unstructured{}
	if err := utiljson.Unmarshal(text, &stored.Object); err != nil {
		return nil, err
	}
	return stored, nil
}
