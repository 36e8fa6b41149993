package cache

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"reflect"
	"slices"
	"strings"
)

// The first byte of an entry says whether there is a value. If so, the shape of its type follows, and then the value.
const (
	present = "v"
	absent  = "a"
)

var errEntry = errors.New("cache: this is no entry")

// format is what entries for a T begin with. Those for a type of another shape begin with something else.
type format[T any] struct{ head []byte }

func newFormat[T any]() format[T] {
	return format[T]{head: []byte(present + fingerprint(reflect.TypeFor[T]()))}
}

// encode returns the entry for a value.
func (f format[T]) encode(value T) ([]byte, error) {
	encoded, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("encode for the cache: %w", err)
	}

	return slices.Concat(f.head, encoded), nil
}

// decode returns the value of an entry, and whether there is one.
func (f format[T]) decode(entry []byte) (value T, ok bool, err error) {
	if isAbsent(entry) {
		return value, false, nil
	}

	encoded, isOurs := bytes.CutPrefix(entry, f.head)
	if !isOurs {
		return value, false, errEntry
	}

	if err := json.Unmarshal(encoded, &value); err != nil {
		var none T

		return none, false, errEntry // the text of the cause quotes the entry
	}

	return value, true, nil
}

// isAbsent reports whether an entry says that there is no value.
func isAbsent(entry []byte) bool { return string(entry) == absent }

// fingerprint identifies the shape of a type: the names, tags and types of its fields. Releases that differ in it share their keys,
// but neither reads the entries of the other.
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
