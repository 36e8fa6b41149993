// Package migrations holds the schema of the database as SQL, in the order of the versions that begin the file names.
package migrations

import (
	"embed"
	"fmt"
	"io/fs"
	"slices"

	"github.com/pressly/goose/v3"
)

// Files are the migrations. They are part of the binary, so that code and schema are always released together.
//
//go:embed *.sql
var Files embed.FS

// Versions returns the version of every migration, oldest first.
func Versions() ([]int64, error) {
	names, err := fs.Glob(Files, "*.sql")
	if err != nil {
		return nil, fmt.Errorf("list migrations: %w", err)
	}

	versions := make([]int64, 0, len(names))
	for _, name := range names {
		version, err := goose.NumericComponent(name)
		if err != nil {
			return nil, fmt.Errorf("read the version of %s: %w", name, err)
		}

		versions = append(versions, version)
	}

	slices.Sort(versions)

	return versions, nil
}
