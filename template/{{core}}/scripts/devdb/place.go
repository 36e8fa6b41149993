//go:build unix

package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// nobody is the user and group that PostgreSQL runs as where this is root, as whom it refuses to run.
const nobody = 65534

// place says where things are.
type place struct {
	// cache keeps the programs, for all projects.
	cache string
	// data is a folder of one server.
	data string
	// temporary data go when the server does.
	temporary bool
}

// programs is the folder of PostgreSQL itself.
func (p *place) programs() string { return filepath.Join(p.cache, "postgresql-"+string(version)) }

// server is the folder that PostgreSQL calls its data directory.
func (p *place) server() string { return filepath.Join(p.data, "data") }

// findPlace makes the folders. Where this is root it gives them to nobody, and becomes nobody.
func findPlace(folder string) (*place, error) {
	p := &place{cache: "", data: folder, temporary: folder == ""}

	root := os.Getuid() == 0

	if err := p.makeCache(root); err != nil {
		return nil, err
	}

	if err := p.makeData(root); err != nil {
		return nil, err
	}

	if root {
		if err := becomeNobody(p.cache, p.data); err != nil {
			return nil, fmt.Errorf("become the user %d, as PostgreSQL does not run as root: %w", nobody, err)
		}
	}

	return p, os.Chdir("/") // the working directory may be one that nobody can't enter
}

func (p *place) makeCache(root bool) error {
	if !root {
		cache, err := os.UserCacheDir()
		if err != nil {
			return fmt.Errorf("find a folder for PostgreSQL: %w", err)
		}

		p.cache = filepath.Join(cache, "devdb")

		return os.MkdirAll(p.cache, 0o700)
	}

	// The cache folder of root, and often its TMPDIR, is one that nobody can't enter. Someone else may have made this one.
	p.cache = "/var/tmp/devdb"

	err := os.Mkdir(p.cache, 0o755) //nolint:gosec // programs are no secret
	if err == nil || !errors.Is(err, os.ErrExist) {
		return err
	}

	info, err := os.Lstat(p.cache)
	if err != nil {
		return fmt.Errorf("look at %s: %w", p.cache, err)
	}

	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.IsDir() || (owner.Uid != 0 && owner.Uid != nobody) {
		return fmt.Errorf("%s belongs to someone else: remove it", p.cache) //nolint:err113 // for people
	}

	return nil
}

func (p *place) makeData(root bool) (err error) {
	if p.temporary {
		parent := "" // that for temporary files
		if root {
			parent = p.cache
		}

		p.data, err = os.MkdirTemp(parent, "devdb-")

		return err
	}

	p.data, err = filepath.Abs(p.data)
	if err != nil {
		return fmt.Errorf("find the folder for the data: %w", err)
	}

	parent := filepath.Dir(p.data)
	if err := os.MkdirAll(parent, 0o755); err != nil { //nolint:gosec // the folder in it is private
		return fmt.Errorf("make the folder for the data: %w", err)
	}

	if root && !open(parent) {
		sum := sha256.Sum256([]byte(p.data))
		p.data = filepath.Join(p.cache, "data-"+hex.EncodeToString(sum[:8]))

		fmt.Fprintln(os.Stderr, "devdb: the data are in", p.data+", as PostgreSQL does not run as root and others can't enter this folder")
	}

	return os.MkdirAll(p.data, 0o700)
}

// open reports whether every user can enter a folder.
func open(folder string) bool {
	for {
		info, err := os.Stat(folder)
		if err != nil || info.Mode().Perm()&0o001 == 0 {
			return false
		}

		parent := filepath.Dir(folder)
		if parent == folder {
			return true
		}

		folder = parent
	}
}

// becomeNobody gives folders to nobody and gives up the rights of root for good.
func becomeNobody(folders ...string) error {
	for _, folder := range folders {
		if err := os.Chown(folder, nobody, nobody); err != nil {
			return err
		}
	}

	return errors.Join(syscall.Setgroups([]int{nobody}), syscall.Setgid(nobody), syscall.Setuid(nobody))
}
