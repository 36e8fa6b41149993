package cache

import (
	"encoding/json"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type thing struct {
	Name string
	At   time.Time
	Tags map[string]any
}

func TestEntries_ComeBackAsTheyWere(t *testing.T) {
	t.Parallel()

	want := thing{Name: "é\x00<", At: time.Date(2026, 1, 2, 3, 4, 5, 678000, time.UTC), Tags: map[string]any{"n": 1.5, "s": nil}}

	things := newFormat[thing]()

	entry, err := things.encode(want)
	require.NoError(t, err)

	got, ok, err := things.decode(entry)
	require.NoError(t, err)
	assert.True(t, ok)
	assert.Equal(t, want, got)

	_, ok, err = things.decode([]byte(absent))
	require.NoError(t, err)
	assert.False(t, ok)
}

func TestDecode_RefusesWhatIsNoEntryAndDoesNotQuoteIt(t *testing.T) {
	t.Parallel()

	things := newFormat[thing]()
	head := string(things.head)

	for _, entry := range []string{
		"", "v", "aa", "x", head, head + "{", head + `{"Name": 1}`, head + "null garbage", head + `{"At": "hunter2"}`, head[:len(head)-1],
		`{"Name": "hunter2"}`, `v{"Name": "hunter2"}`, "a" + head[1:] + "{}",
	} {
		got, ok, err := things.decode([]byte(entry))
		require.ErrorIs(t, err, errEntry, entry)
		assert.NotContains(t, err.Error(), "hunter2")
		assert.False(t, ok)
		assert.Zero(t, got)
	}
}

// What there is may look different to another release. That there is nothing is the same to all.
func TestDecode_RefusesTheEntriesOfAnotherShape(t *testing.T) {
	t.Parallel()

	type laterThing struct {
		thing

		Note string
	}

	later := newFormat[laterThing]()

	entry, err := newFormat[thing]().encode(thing{Name: "ada", At: time.Time{}, Tags: nil})
	require.NoError(t, err)

	_, _, err = later.decode(entry)
	require.ErrorIs(t, err, errEntry)

	_, ok, err := later.decode([]byte(absent))
	require.NoError(t, err)
	assert.False(t, ok)
}

func FuzzDecode_ReturnsAnEntryOrAnError(f *testing.F) {
	things := newFormat[thing]()

	f.Add(slices.Concat(things.head, []byte(`{"Name": "ada", "At": "2026-01-02T03:04:05Z", "Tags": {"a": [1]}}`)))
	f.Add([]byte("a"))
	f.Add([]byte{})

	f.Fuzz(func(t *testing.T, entry []byte) {
		got, ok, err := things.decode(entry)
		if err != nil || !ok {
			assert.Zero(t, got)

			return
		}

		again, err := things.encode(got)
		require.NoError(t, err)
		assert.True(t, json.Valid(again[len(things.head):]))
	})
}

func TestFingerprint_ChangesWithTheShapeOfATypeAlone(t *testing.T) {
	t.Parallel()

	type (
		Inner  struct{ A int }
		Tree   struct{ Left, Right *Tree }
		base   struct{ In Inner }
		copied struct{ In Inner }
	)

	of := func(v any) string { return fingerprint(reflect.TypeOf(v)) }

	assert.NotEmpty(t, of(Tree{}), "a type may hold itself")

	different := []any{
		base{},
		struct{ In struct{ A string } }{},
		struct{ In struct{ B int } }{},
		struct {
			In struct {
				A int `json:"a"`
			}
		}{},
		struct{ In []Inner }{},
		struct{ In map[string]Inner }{},
		struct{ In map[int]Inner }{},
		struct{ In *Inner }{},
		struct {
			In Inner
			B  bool
		}{},
	}

	seen := map[string]bool{}
	for _, v := range different {
		assert.False(t, seen[of(v)], "%T", v)
		seen[of(v)] = true
	}

	assert.NotEqual(t, of(base{}), of(copied{}), "names of types count as well")
}
