package password

import (
	_ "embed"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The bounds on the length of a password, in characters.
const (
	MinLength = 8
	MaxLength = 128
)

// Rule says what Acceptable asks for, to go on where the name of the field ends.
const Rule = "must be 8 to 128 characters long, with an upper case letter, a lower case letter and a digit"

// Acceptable reports whether a password keeps Rule.
func Acceptable(text string) bool {
	length := utf8.RuneCountInString(text)

	return utf8.ValidString(text) && length >= MinLength && length <= MaxLength &&
		strings.ContainsFunc(text, unicode.IsUpper) &&
		strings.ContainsFunc(text, unicode.IsLower) &&
		strings.ContainsFunc(text, unicode.IsDigit)
}

// common are passwords that attackers try first, in lower case and sorted: those of the 20,000 most common in leaked data, as
// collected by Royce Williams and published with Django, that would keep Rule with another case.
//
//go:embed common.txt
var common string

// Common reports whether a password is one of those that attackers try first. Case and signs around it don't make it another.
func Common(text string) bool {
	text = strings.TrimFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	_, found := slices.BinarySearch(strings.Fields(common), text)

	return found
}
