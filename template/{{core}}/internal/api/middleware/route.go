package middleware

import "strings"

// Template turns the path of a route, in which the router writes parameters as :id, into the form of the API's document,
// such as /v1/users/{id}.
func Template(path string) string {
	parts := strings.Split(path, "/")
	for i, part := range parts {
		if name, ok := strings.CutPrefix(part, ":"); ok {
			parts[i] = "{" + name + "}"
		}
	}

	return strings.Join(parts, "/")
}
