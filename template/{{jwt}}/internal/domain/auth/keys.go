package auth

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/netip"
)

// tokenBytes is the length of a refresh token before it is written as text: 256 bits can't be guessed.
const tokenBytes = 32

// siteBits are what an IPv6 provider gives one customer at least, who can use any address in it.
const siteBits = 64

var (
	errNotOurs   = errors.New("not of the form of a refresh token")
	errOtherUser = errors.New("the session belongs to another user")
)

// keyedHash makes what is stored in place of tokens, email addresses and addresses of clients. Whoever reads the database, but not
// the secret, can neither use one nor tell whose it is.
type keyedHash struct{ secret []byte }

// received checks the form of what should be a refresh token and returns its hash, or ErrInvalidToken.
func (h keyedHash) received(text string) (string, error) {
	if len(text) != base64.RawURLEncoding.EncodedLen(tokenBytes) {
		return "", ErrInvalidToken.Wrap(errNotOurs)
	}

	random, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(random) != tokenBytes {
		return "", ErrInvalidToken.Wrap(errNotOurs)
	}

	return h.refreshToken(text), nil
}

func (h keyedHash) refreshToken(text string) string { return h.hash("refresh:" + text) }

func (h keyedHash) account(email string) string { return h.hash("account:" + email) }

func (h keyedHash) address(client netip.Addr) string {
	client = client.Unmap().WithZone("")

	if client.Is6() {
		if site, err := client.Prefix(siteBits); err == nil {
			client = site.Addr()
		}
	}

	return h.hash("address:" + client.String())
}

func (h keyedHash) hash(text string) string {
	mac := hmac.New(sha256.New, h.secret)
	mac.Write([]byte(text))

	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// newRefreshToken returns a token nobody has had before.
func newRefreshToken() string {
	random := make([]byte, tokenBytes)
	rand.Read(random) // never fails: it ends the process instead

	return base64.RawURLEncoding.EncodeToString(random)
}
