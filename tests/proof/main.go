// Command proof reads what a rendered project gives to other programs, with the code of these programs, and prints as JSON what they
// understand:
//
//	proof compose FOLDER          the project in compose.yaml, as Docker Compose loads it; variables come from the environment
//	proof rules FILE...           the rules, as Prometheus loads them, and what they ask for
//	proof queries < LIST          what each of a JSON list of expressions asks for
//	proof alerts CASES FILE...    which alerts of the rules fire in each case
//
// A mistake ends it with status 1 and says on standard error where it is.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
)

var errUsage = errors.New("usage: proof compose FOLDER | rules FILE... | queries < LIST | alerts CASES FILE...")

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "proof:", err)
		os.Exit(1)
	}
}

func run(args []string, stdin io.Reader, stdout io.Writer) error {
	if len(args) == 0 {
		return errUsage
	}

	var (
		found any
		err   error
	)

	switch command, rest := args[0], args[1:]; {
	case command == "compose" && len(rest) == 1:
		found, err = loadCompose(rest[0])
	case command == "rules" && len(rest) > 0:
		found, err = readRules(rest)
	case command == "queries" && len(rest) == 0:
		found, err = readQueries(stdin)
	case command == "alerts" && len(rest) > 1:
		found, err = fire(rest[0], rest[1:])
	default:
		err = errUsage
	}

	if err != nil {
		return err
	}

	return json.NewEncoder(stdout).Encode(found)
}

func loadCompose(folder string) (any, error) {
	options, err := cli.NewProjectOptions(nil, cli.WithWorkingDirectory(folder), cli.WithOsEnv, cli.WithDefaultConfigPath)
	if err != nil {
		return nil, err
	}

	return options.LoadProject(context.Background())
}

// rule is a rule, with what it asks for.
type rule struct {
	Alert       string            `json:"alert,omitempty"`
	Record      string            `json:"record,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
	query
}

// query is an expression, and the series that it asks for.
type query struct {
	Expr string `json:"expr"`
	// Selectors are the series that it reads.
	Selectors []selector `json:"selectors"`
	// Groupings are the labels that it aggregates or matches by.
	Groupings []string `json:"groupings"`
}

type selector struct {
	Metric   string    `json:"metric"`
	Matchers []matcher `json:"matchers"`
}

type matcher struct {
	Name  string `json:"name"`
	Type  string `json:"type"`
	Value string `json:"value"`
}

func readRules(files []string) ([]rule, error) {
	var found []rule

	for _, file := range files {
		groups, errs := rulefmt.ParseFile(file, false, model.UTF8Validation, newParser(), nil)
		if len(errs) > 0 {
			return nil, fmt.Errorf("%s: %w", file, errors.Join(errs...))
		}

		for _, group := range groups.Groups {
			for _, r := range group.Rules {
				asked, err := read(r.Expr)
				if err != nil {
					return nil, fmt.Errorf("%s: %w", file, err)
				}

				found = append(found, rule{
					Alert: r.Alert, Record: r.Record, Labels: r.Labels, Annotations: r.Annotations, query: asked,
				})
			}
		}
	}

	return found, nil
}

func readQueries(stdin io.Reader) ([]query, error) {
	var exprs []string
	if err := json.NewDecoder(stdin).Decode(&exprs); err != nil {
		return nil, fmt.Errorf("read the list: %w", err)
	}

	found := make([]query, 0, len(exprs))

	for _, expr := range exprs {
		asked, err := read(expr)
		if err != nil {
			return nil, err
		}

		found = append(found, asked)
	}

	return found, nil
}

func newParser() parser.Parser { return parser.NewParser(parser.Options{}) }

// read returns what an expression asks for.
func read(expr string) (query, error) {
	tree, err := newParser().ParseExpr(expr)
	if err != nil {
		return query{}, fmt.Errorf("%s: %w", expr, err)
	}

	asked := query{Expr: expr, Selectors: []selector{}, Groupings: []string{}}

	parser.Inspect(tree, func(node parser.Node, _ []parser.Node) error {
		switch n := node.(type) {
		case *parser.VectorSelector:
			asked.Selectors = append(asked.Selectors, newSelector(n.LabelMatchers))
		case *parser.AggregateExpr:
			asked.Groupings = append(asked.Groupings, n.Grouping...)
		case *parser.BinaryExpr:
			if n.VectorMatching != nil {
				asked.Groupings = append(asked.Groupings, n.VectorMatching.MatchingLabels...)
			}
		}

		return nil
	})

	return asked, nil
}

func newSelector(matchers []*labels.Matcher) selector {
	made := selector{Metric: "", Matchers: []matcher{}}

	for _, m := range matchers {
		if m.Name == model.MetricNameLabel {
			made.Metric = m.Value

			continue
		}

		made.Matchers = append(made.Matchers, matcher{Name: m.Name, Type: m.Type.String(), Value: m.Value})
	}

	return made
}
