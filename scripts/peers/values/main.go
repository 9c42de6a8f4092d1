// Command values prints the values that kubectl reads from texts, whole: the decoder of kubectl's resource builder
// (k8s.io/cli-runtime, pkg/resource: FileVisitor, StreamVisitor).
//
// Standard input holds any number of texts, each preceded by its length as four bytes, most significant first. For each
// text there is one line: a JSON object with the values in order, and the error at which kubectl stops, if any.
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
	"k8s.io/apimachinery/pkg/runtime"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/yaml"
)

type answer struct {
	Values []any  `json:"values"`
	Error  string `json:"error,omitempty"`
}

// Does not stop at a panic of the decoder: kubectl would panic too.
func read(text []byte) (seen answer) {
	seen.Values = []any{}
	defer func() {
		if err := recover(); err != nil {
			seen.Error = fmt.Sprintf("panic: %v", err)
		}
	}()
	unmarked := transform.NewReader(bytes.NewReader(text), unicode.BOMOverride(unicode.UTF8.NewDecoder()))
	decoder := yaml.NewYAMLOrJSONDecoder(unmarked, 4096)
	for {
		ext := runtime.RawExtension{}
		if err := decoder.Decode(&ext); err != nil {
			if !errors.Is(err, io.EOF) {
				seen.Error = err.Error()
			}
			return seen
		}
		raw := bytes.TrimSpace(ext.Raw)
		if len(raw) == 0 || bytes.Equal(raw, []byte("null")) {
			continue
		}
		// As objects are decoded: whole numbers are int64, others float64, and the last duplicate key wins.
		var value any
		if err := utiljson.Unmarshal(raw, &value); err != nil {
			// kubectl reports this value, and reads the next one.
			value = map[string]any{"unreadable": err.Error()}
		}
		seen.Values = append(seen.Values, value)
	}
}

func run() error {
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := bufio.NewWriter(os.Stdout)
	lines := json.NewEncoder(out)
	for {
		var length uint32
		if err := binary.Read(in, binary.BigEndian, &length); errors.Is(err, io.EOF) {
			return out.Flush()
		} else if err != nil {
			return err
		}
		text := make([]byte, length)
		if _, err := io.ReadFull(in, text); err != nil {
			return err
		}
		if err := lines.Encode(read(text)); err != nil {
			return err
		}
		// The caller may wait for the answer before it sends the next text.
		if in.Buffered() == 0 {
			if err := out.Flush(); err != nil {
				return err
			}
		}
	}
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
