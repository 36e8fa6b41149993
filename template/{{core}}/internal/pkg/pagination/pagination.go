// Package pagination pages through lists by keyset: a page starts after the last item of the page before it, so that
// every page costs the same and no item is skipped or shown twice while others are added.
package pagination

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// ErrCursor is returned for a cursor that this package did not make.
var ErrCursor = errors.New("not a cursor of this service")

// cursorVersion is the first byte of a cursor, so that its form can change while old ones are in use.
const cursorVersion = 1

const (
	timeOffset   = 1
	idOffset     = timeOffset + 8
	cursorLength = idOffset + 16
)

// Page is one page of a list.
type Page[T any] struct {
	Items []T
	// Next starts the following page; nil on the last page.
	Next *Cursor
	// Total is the number of items on all pages. It is counted for each page, which costs more the more items there are.
	Total int64
}

// Cursor is the position of an item in a list that is ordered by time of creation and then by identifier.
type Cursor struct {
	// CreatedAt has microseconds, which is what PostgreSQL stores.
	CreatedAt time.Time
	ID        uuid.UUID
}

// String encodes the cursor for a URL. Clients must not look into it.
func (c Cursor) String() string {
	raw := make([]byte, 0, cursorLength)
	raw = append(raw, cursorVersion)
	raw = binary.BigEndian.AppendUint64(raw, uint64(c.CreatedAt.UnixMicro()))
	raw = append(raw, c.ID[:]...)

	return base64.RawURLEncoding.EncodeToString(raw)
}

// Parse decodes what String encoded. It accepts only the canonical form and returns ErrCursor, wrapped, for anything else.
func Parse(text string) (Cursor, error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return Cursor{}, fmt.Errorf("%w: %w", ErrCursor, err)
	}

	if len(raw) != cursorLength || raw[0] != cursorVersion {
		return Cursor{}, ErrCursor
	}

	micros := int64(binary.BigEndian.Uint64(raw[timeOffset:idOffset])) //nolint:gosec // two's complement there and back
	cursor := Cursor{CreatedAt: time.UnixMicro(micros).UTC(), ID: uuid.UUID(raw[idOffset:])}

	// PostgreSQL ends at the year 294276, and a forged cursor must not reach it. The decoder skips line breaks: compare.
	if year := cursor.CreatedAt.Year(); year < 1 || year > 9999 || cursor.String() != text {
		return Cursor{}, ErrCursor
	}

	return cursor, nil
}

// Cut makes a page of items that were fetched with a limit of one more than the page holds: the extra item only says
// that there is another page. It returns the items of the page and whether more follow.
func Cut[T any](items []T, limit int) ([]T, bool) {
	if len(items) > limit {
		return items[:limit], true
	}

	return items, false
}
