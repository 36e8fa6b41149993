package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

//go:embed page.html
var pageTemplate string

// operation is one of the document's, with where it is found.
type operation struct {
	Method, Path string
	Operation    *openapi3.Operation
	Parameters   openapi3.Parameters
	// Security names what a request must bring; nothing when anyone may send it.
	Security  []string
	Responses []response
}

type response struct {
	Status   string
	Response *openapi3.Response
}

// page renders the document for people. It needs no script and nothing from elsewhere.
func page(doc *openapi3.T) ([]byte, error) {
	functions := template.FuncMap{
		"name":       path.Base,
		"operations": operations,
		"required":   func(s *openapi3.Schema, name string) bool { return slices.Contains(s.Required, name) },
		"kind":       func(s *openapi3.Schema) string { return strings.Join(s.Type.Slice(), ", ") },
		"limits":     limits,
	}

	parsed, err := template.New("page").Funcs(functions).Parse(pageTemplate)
	if err != nil {
		return nil, fmt.Errorf("parse the template of the page: %w", err)
	}

	var out bytes.Buffer
	if err := parsed.Execute(&out, doc); err != nil {
		return nil, fmt.Errorf("render the page: %w", err)
	}

	return out.Bytes(), nil
}

// operations lists what the API can do, by path and method.
func operations(doc *openapi3.T) []operation {
	var all []operation

	for _, route := range doc.Paths.InMatchingOrder() {
		item := doc.Paths.Value(route)
		byMethod := item.Operations()

		for _, method := range slices.Sorted(maps.Keys(byMethod)) {
			found := operation{Method: method, Path: route, Operation: byMethod[method]}
			found.Security = security(doc, found.Operation)
			found.Parameters = append(slices.Clone(item.Parameters), found.Operation.Parameters...)

			responses := found.Operation.Responses.Map()
			for _, status := range slices.Sorted(maps.Keys(responses)) {
				found.Responses = append(found.Responses, response{Status: status, Response: responses[status].Value})
			}

			all = append(all, found)
		}
	}

	slices.SortStableFunc(all, func(a, b operation) int { return strings.Compare(a.Path, b.Path) })

	return all
}

// security names the schemes that an operation asks for.
func security(doc *openapi3.T, of *openapi3.Operation) []string {
	required := doc.Security
	if of.Security != nil {
		required = *of.Security
	}

	names := make([]string, 0, len(required))
	for _, requirement := range required {
		names = append(names, slices.Sorted(maps.Keys(requirement))...)
	}

	return names
}

// limits says in words what a schema allows.
func limits(s *openapi3.Schema) string {
	var all []string

	if len(s.Enum) > 0 {
		all = append(all, "one of "+strings.Trim(fmt.Sprint(s.Enum), "[]"))
	}

	if s.Pattern != "" {
		all = append(all, "matches "+s.Pattern)
	}

	if s.MaxLength != nil {
		all = append(all, fmt.Sprintf("at most %d characters", *s.MaxLength))
	}

	if s.Min != nil {
		all = append(all, fmt.Sprintf("at least %g", *s.Min))
	}

	if s.Max != nil {
		all = append(all, fmt.Sprintf("at most %g", *s.Max))
	}

	if s.MaxProps != nil {
		all = append(all, fmt.Sprintf("at most %d members", *s.MaxProps))
	}

	if s.Default != nil {
		all = append(all, fmt.Sprintf("%v if left out", s.Default))
	}

	return strings.Join(all, ", ")
}
