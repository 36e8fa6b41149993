package cache

import (
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"reflect"
	"slices"
	"strings"
)

// The first byte of an entry says whether there is a value behind it.
const (
	present = 'v'
	absent  = 'a'
)

var errEntry = errors.New("cache: this is no entry")

// encode returns the entry for a value.
func encode[T any](value T) ([]byte, error) {
	encoded, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("encode for the cache: %w", err)
	}

	return append([]byte{present}, encoded...), nil
}

// decode returns the value of an entry, and whether there is one.
func decode[T any](entry []byte) (value T, ok bool, err error) {
	switch {
	case isAbsent(entry):
		return value, false, nil
	case len(entry) < 2 || entry[0] != present:
		return value, false, errEntry
	}

	if err := json.Unmarshal(entry[1:], &value); err != nil {
		var none T

		return none, false, errEntry // the text of the cause quotes the entry
	}

	return value, true, nil
}

// isAbsent reports whether an entry says that there is no value.
func isAbsent(entry []byte) bool { return len(entry) == 1 && entry[0] == absent }

// fingerprint identifies the shape of a type: the names, tags and types of its fields. Releases that differ in it use
// different keys, so that neither reads the entries of the other.
func fingerprint(t reflect.Type) string {
	var shape strings.Builder

	describe(&shape, t, nil)

	sum := fnv.New32a()
	_, _ = sum.Write([]byte(shape.String())) // it can't fail

	return fmt.Sprintf("%08x", sum.Sum32())
}

// describe writes the shape of a type. Types that encode themselves, and those within which it already is, are known by name.
func describe(shape *strings.Builder, t reflect.Type, within []reflect.Type) {
	shape.WriteString(t.String())

	if slices.Contains(within, t) {
		return
	}

	within = append(within, t)

	switch {
	case t.Implements(reflect.TypeFor[json.Marshaler]()), t.Implements(reflect.TypeFor[encoding.TextMarshaler]()):
	case t.Kind() == reflect.Struct:
		shape.WriteByte('{')

		for field := range t.Fields() {
			fmt.Fprintf(shape, "%s %q ", field.Name, field.Tag.Get("json"))
			describe(shape, field.Type, within)
			shape.WriteByte(';')
		}

		shape.WriteByte('}')
	case t.Kind() == reflect.Map:
		shape.WriteByte(' ')
		describe(shape, t.Key(), within)
		shape.WriteByte(' ')
		describe(shape, t.Elem(), within)
	case t.Kind() == reflect.Pointer, t.Kind() == reflect.Slice, t.Kind() == reflect.Array:
		shape.WriteByte(' ')
		describe(shape, t.Elem(), within)
	}
}
