// Prints the places where the controllers of Cluster API Provider AWS call AWS: file, line, function and operation,
// separated by tabs. Its argument is the directory of CAPA's module. It reads the syntax only, not the types: CAPA
// reaches AWS through clients that are named as such, and through the paginators and waiters of the SDK.
package main

import (
	"bufio"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"strings"
)

const services = "github.com/aws/aws-sdk-go-v2/service/"

// Directories without code of the controllers, and ROSA, which calls AWS through a library of OpenShift.
var skipped = regexp.MustCompile(`^(cmd|docs|hack|test|templates|examples|pkg/rosa|.*/mock[^/]*|.*mocks?)$`)

var rosa = regexp.MustCompile(`(^|/)rosa[^/]*(/|$)`)

// Variables and fields with a client of AWS, by the end of their names.
var client = regexp.MustCompile(`(?i)(client|clientwithretry|sqssvs)$`)

var constructor = regexp.MustCompile(`^New(\w+)(Paginator|Waiter)$`)

type source struct {
	path    string
	file    *ast.File
	aliases map[string]string
}

// The package of a service that an expression names, if it does.
func (s source) service(expression ast.Expr) string {
	if name, is := expression.(*ast.Ident); is {
		return s.aliases[name.Name]
	}
	return ""
}

func lastName(expression ast.Expr) string {
	switch e := expression.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}

// A function with its receiver: (*Service).createVPC.
func title(function *ast.FuncDecl) string {
	if function.Recv == nil {
		return function.Name.Name
	}
	star, receiver := "", function.Recv.List[0].Type
	if pointer, is := receiver.(*ast.StarExpr); is {
		star, receiver = "*", pointer.X
	}
	return "(" + star + lastName(receiver) + ")." + function.Name.Name
}

func main() {
	root, set := os.Args[1], token.NewFileSet()
	var sources []source
	check(filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(root, path)
		name = filepath.ToSlash(name)
		if entry.IsDir() && (skipped.MatchString(name) || strings.HasPrefix(entry.Name(), ".") && name != ".") {
			return filepath.SkipDir
		}
		if rosa.MatchString(name) || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		aliases := map[string]string{}
		for _, one := range file.Imports {
			imported, _ := strconv.Unquote(one.Path.Value)
			service, is := strings.CutPrefix(imported, services)
			if !is || strings.Contains(service, "/") {
				continue
			}
			alias := service
			if one.Name != nil {
				alias = one.Name.Name
			}
			aliases[alias] = service
		}
		sources = append(sources, source{name, file, aliases})
		return nil
	}))

	// An operation is a name whose input of the SDK is used somewhere.
	operations := map[string]bool{}
	for _, one := range sources {
		ast.Inspect(one.file, func(node ast.Node) bool {
			if selector, is := node.(*ast.SelectorExpr); is && one.service(selector.X) != "" {
				if operation, is := strings.CutSuffix(selector.Sel.Name, "Input"); is {
					operations[operation] = true
				}
			}
			return true
		})
	}

	var lines []string
	for _, one := range sources {
		for _, declaration := range one.file.Decls {
			function, is := declaration.(*ast.FuncDecl)
			if !is {
				continue
			}
			ast.Inspect(function, func(node ast.Node) bool {
				call, is := node.(*ast.CallExpr)
				if !is {
					return true
				}
				selector, is := call.Fun.(*ast.SelectorExpr)
				if !is || !calls(one, selector, operations) && !passesInput(one, call, selector.Sel.Name) {
					return true
				}
				line := set.Position(selector.Sel.Pos()).Line
				lines = append(lines, fmt.Sprintf("%s\t%d\t%s\t%s", one.path, line, title(function), selector.Sel.Name))
				return true
			})
		}
	}
	sort.Strings(lines)
	out := bufio.NewWriter(os.Stdout)
	for _, line := range lines {
		fmt.Fprintln(out, line)
	}
	check(out.Flush())
}

// Whether a selector is an operation of a client, or makes a paginator or a waiter.
func calls(one source, selector *ast.SelectorExpr, operations map[string]bool) bool {
	name := selector.Sel.Name
	if one.service(selector.X) != "" {
		return constructor.MatchString(name)
	}
	if !client.MatchString(lastName(selector.X)) {
		return false
	}
	return operations[strings.TrimSuffix(strings.TrimPrefix(name, "Presign"), "Pages")]
}

// Whether an argument of a call is the input of the operation that it names, whatever the client is called.
func passesInput(one source, call *ast.CallExpr, name string) bool {
	for _, argument := range call.Args {
		if pointer, is := argument.(*ast.UnaryExpr); is {
			argument = pointer.X
		}
		literal, is := argument.(*ast.CompositeLit)
		if !is {
			continue
		}
		input, is := literal.Type.(*ast.SelectorExpr)
		if is && one.service(input.X) != "" && input.Sel.Name == name+"Input" {
			return true
		}
	}
	return false
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
