// Package apidoc holds the contract of the API as clients get it.
package apidoc

import _ "embed"

// Document is the whole contract, in YAML.
//
//go:embed openapi.yaml
var Document []byte
