// The judge of `kubectl xaccount status`: it answers with CAPA's own code what a release of CAPA does with a cluster.
//
// It reads cases from stdin, one JSON object per line, and prints one verdict per line, in the same order.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"runtime"

	"github.com/go-logr/logr"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
)

// question is a case: manifests that are applied to an empty management cluster, and the object that is evaluated.
type question struct {
	Objects []json.RawMessage `json:"objects"`
	Cluster int               `json:"cluster"`
}

// verdict is the answer to a question.
type verdict struct {
	// permitted, denied, error or crash
	Verdict string `json:"verdict"`
	// A word for programs; empty if permitted.
	Reason string `json:"reason,omitempty"`
	// The error of CAPA, the API server or a webhook.
	Message string `json:"message,omitempty"`
	// The identities that CAPA requests, the cluster's own first.
	Chain []hop `json:"chain"`
	// The objects that the API server or a webhook refuses, by index.
	Refused map[int]string `json:"refused,omitempty"`
	// Whether CAPA creates the controller identity.
	Created bool `json:"created,omitempty"`
}

// hop is an identity of a chain. The fields of a role are those of the request to STS.
type hop struct {
	Kind            string  `json:"kind"`
	Name            string  `json:"name"`
	RoleARN         *string `json:"roleARN,omitempty"`
	SessionName     *string `json:"sessionName,omitempty"`
	ExternalID      *string `json:"externalID,omitempty"`
	DurationSeconds *int64  `json:"durationSeconds,omitempty"`
	Policy          *string `json:"policy,omitempty"`
}

func main() {
	// CAPA and the SDK would read them, and a bundle of certificates takes most of the time.
	os.Clearenv()
	_ = os.Setenv("AWS_CONFIG_FILE", os.DevNull)
	_ = os.Setenv("AWS_SHARED_CREDENTIALS_FILE", os.DevNull)
	klog.SetLogger(logr.Discard())
	ctrl.SetLogger(logr.Discard())
	program, err := os.Executable()
	if err != nil {
		log.Fatal(err)
	}
	server, err := newServer(filepath.Join(filepath.Dir(program), "crds"))
	if err != nil {
		log.Fatal(err)
	}
	if err := serve(server, os.Stdin, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// serve answers in the order of the questions, several at a time.
func serve(server *server, in io.Reader, out io.Writer) error {
	type job struct {
		line   []byte
		answer chan []byte
	}
	jobs := make(chan job)
	order := make(chan job, 256)
	for range runtime.GOMAXPROCS(0) {
		go func() {
			for job := range jobs {
				job.answer <- answer(server, job.line)
			}
		}()
	}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 64<<20)
	go func() {
		defer close(order)
		defer close(jobs)
		for lines.Scan() {
			job := job{append([]byte(nil), lines.Bytes()...), make(chan []byte, 1)}
			order <- job
			jobs <- job
		}
	}()
	writer := bufio.NewWriter(out)
	for job := range order {
		if _, err := writer.Write(append(<-job.answer, '\n')); err != nil {
			return err
		}
		// A caller that waits for the answer to its only question must get it.
		if len(order) == 0 {
			if err := writer.Flush(); err != nil {
				return err
			}
		}
	}
	if err := writer.Flush(); err != nil {
		return err
	}
	return lines.Err()
}

func answer(server *server, line []byte) []byte {
	var question question
	if err := json.Unmarshal(line, &question); err != nil {
		log.Fatalf("not a case: %v: %s", err, line)
	}
	if question.Cluster < 0 || question.Cluster >= len(question.Objects) {
		log.Fatalf("no object %d: %s", question.Cluster, line)
	}
	bytes, err := json.Marshal(judge(server, question))
	if err != nil {
		log.Fatal(fmt.Errorf("answer: %w", err))
	}
	return bytes
}
