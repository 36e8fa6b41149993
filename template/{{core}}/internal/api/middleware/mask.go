package middleware

import (
	"encoding/json"
	"slices"
	"strings"
)

// longestLogged bounds what one body adds to the log, in bytes.
const longestLogged = 4096

// sensitive are the words that mark a member of a body whose value is not logged.
var sensitive = []string{ //nolint:gochecknoglobals // a constant in all but name
	"password", "passwd", "secret", "token", "authorization", "cookie", "credential", "api_key", "apikey", "private_key",
}

// mask returns a JSON body with the values of sensitive members replaced. A body that is no JSON is not shown: nobody knows
// what it holds.
func mask(body []byte) string {
	var value any
	if err := json.Unmarshal(body, &value); err != nil {
		return "(no JSON)"
	}

	masked, err := json.Marshal(maskValue(value))
	if err != nil {
		return "(no JSON)"
	}

	if len(masked) > longestLogged {
		return strings.ToValidUTF8(string(masked[:longestLogged]), "") + "…"
	}

	return string(masked)
}

func maskValue(value any) any {
	switch value := value.(type) {
	case map[string]any:
		for name, member := range value {
			if isSensitive(name) {
				value[name] = "***"
			} else {
				value[name] = maskValue(member)
			}
		}
	case []any:
		for i, item := range value {
			value[i] = maskValue(item)
		}
	}

	return value
}

func isSensitive(name string) bool {
	name = strings.ToLower(strings.ReplaceAll(name, "-", "_"))

	return slices.ContainsFunc(sensitive, func(word string) bool { return strings.Contains(name, word) })
}
