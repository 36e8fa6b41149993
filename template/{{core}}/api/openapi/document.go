// Package openapi holds the contract of the API as clients get it.
package openapi

import _ "embed"

// Document is the whole contract, in YAML.
//
//go:embed openapi.yaml
var Document []byte

// Page is the contract as a page for people, in HTML.
//
//go:embed docs.html
var Page []byte
