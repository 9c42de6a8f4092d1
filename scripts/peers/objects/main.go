// Command objects prints the objects that kubectl sees in texts: the decoders of kubectl's resource builder, and its rules
// for lists (k8s.io/cli-runtime, pkg/resource: FileVisitor, StreamVisitor, FlattenListVisitor, metadataValidatingDecoder).
//
// Standard input holds any number of texts, each preceded by its length as four bytes, most significant first. For each text
// there is one line: a JSON object with the objects in order, and the error at which kubectl stops, if any.
package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/yaml"
)

type object struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Namespace  string `json:"namespace"`
	Name       string `json:"name"`
	// Whether its spec has a topology, as that of a Cluster of Cluster API may.
	Topology bool `json:"topology"`
}

type answer struct {
	Objects []object `json:"objects"`
	Errors  []string `json:"errors"`
}

type metadataOnly struct {
	metav1.TypeMeta   `json:""`
	metav1.ObjectMeta `json:"metadata,omitempty"`
}

// Does not stop at a panic of the decoder: kubectl would panic too.
func read(text []byte) (seen answer) {
	seen = answer{Objects: []object{}, Errors: []string{}}
	defer func() {
		if err := recover(); err != nil {
			seen.Errors = append(seen.Errors, fmt.Sprintf("panic: %v", err))
		}
	}()
	unmarked := transform.NewReader(bytes.NewReader(text), unicode.BOMOverride(unicode.UTF8.NewDecoder()))
	decoder := yaml.NewYAMLOrJSONDecoder(unmarked, 4096)
	for {
		ext := runtime.RawExtension{}
		if err := decoder.Decode(&ext); err != nil {
			if !errors.Is(err, io.EOF) {
				seen.Errors = append(seen.Errors, err.Error())
			}
			return seen
		}
		raw := bytes.TrimSpace(ext.Raw)
		if len(raw) == 0 || bytes.Equal(raw, []byte("null")) {
			continue
		}
		// kubectl reports the problem of a document, and continues.
		decoded, _, err := unstructured.UnstructuredJSONScheme.Decode(raw, nil, nil)
		if err == nil {
			err = utiljson.Unmarshal(raw, &metadataOnly{})
		}
		if err == nil {
			err = flatten(decoded, &seen)
		}
		if err != nil {
			seen.Errors = append(seen.Errors, err.Error())
		}
	}
}

// As FlattenListVisitor.Visit.
func flatten(decoded runtime.Object, seen *answer) error {
	queue := []runtime.Object{decoded}
	var items []runtime.Object
	for i := 0; i < len(queue); i++ {
		if !meta.IsListType(queue[i]) {
			items = append(items, queue[i])
			continue
		}
		more, err := meta.ExtractList(queue[i])
		if err != nil {
			return err
		}
		if errs := runtime.DecodeList(more, unstructured.UnstructuredJSONScheme); len(errs) > 0 {
			return errors.Join(errs...)
		}
		queue = append(queue, more...)
	}
	access := meta.NewAccessor()
	for _, item := range items {
		version, kind := item.GetObjectKind().GroupVersionKind().ToAPIVersionAndKind()
		name, _ := access.Name(item)
		namespace, _ := access.Namespace(item)
		topology := false
		if one, ok := item.(*unstructured.Unstructured); ok {
			// The accessor above drops an invalid version.
			version, kind = one.GetAPIVersion(), one.GetKind()
			_, topology, _ = unstructured.NestedMap(one.Object, "spec", "topology")
		}
		seen.Objects = append(seen.Objects, object{version, kind, namespace, name, topology})
	}
	return nil
}

func main() {
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := bufio.NewWriter(os.Stdout)
	lines := json.NewEncoder(out)
	for {
		var length uint32
		if err := binary.Read(in, binary.BigEndian, &length); err != nil {
			if errors.Is(err, io.EOF) {
				return
			}
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		text := make([]byte, length)
		_, err := io.ReadFull(in, text)
		if err == nil {
			err = lines.Encode(read(text))
		}
		// The caller may wait for the answer before it sends the next text.
		if err == nil && in.Buffered() == 0 {
			err = out.Flush()
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}
