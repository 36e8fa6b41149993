// Package accesstoken makes and reads access tokens: JWTs of the form of RFC 9068, signed with HMAC-SHA256, as RFC 8725 advises.
//
// A token says who and which session, and nothing that may change: whoever reads it asks for the rest.
package accesstoken

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
)

const (
	// mediaType is the header typ that tells an access token from any other JWT.
	mediaType = "at+jwt"
	// maxLength is several times the length of a token of ours, in bytes.
	maxLength = 2048
	// leeway is how far the clocks of two machines may be apart.
	leeway = 30 * time.Second
	// headers are alg, typ and kid; a token with any other is not ours.
	headers = 3
)

var (
	errTooLong = errors.New("longer than a token of ours")
	errLines   = errors.New("not on one line")
	errHeader  = errors.New("the header is not that of an access token")
	errKey     = errors.New("the key is unknown")
	errClaims  = errors.New("a claim is missing or malformed")
)

// Config says how tokens are made.
type Config struct {
	// Secret signs tokens.
	Secret string
	// Previous are secrets whose tokens are still read.
	Previous []string
	Issuer   string
	Audience string
	// TTL is how long a token is valid.
	TTL time.Duration
}

// Codec makes and reads tokens. It is safe for concurrent use.
type Codec struct {
	config Config
	kid    string
	keys   map[string][]byte
	parser *jwt.Parser
}

// New returns a Codec.
func New(config Config) *Codec {
	keys := make(map[string][]byte, 1+len(config.Previous))
	for _, secret := range append([]string{config.Secret}, config.Previous...) {
		keys[keyID(secret)] = []byte(secret)
	}

	return &Codec{
		config: config,
		kid:    keyID(config.Secret),
		keys:   keys,
		parser: jwt.NewParser(
			jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}),
			jwt.WithIssuer(config.Issuer),
			jwt.WithAudience(config.Audience),
			jwt.WithExpirationRequired(),
			jwt.WithNotBeforeRequired(),
			jwt.WithIssuedAt(),
			jwt.WithLeeway(leeway),
			jwt.WithStrictDecoding(),
		),
	}
}

// claims are what a token says.
type claims struct {
	jwt.RegisteredClaims

	Session string `json:"sid"`
}

// Issue returns a token for a session of a user, and how long it is valid.
func (c *Codec) Issue(userID, session uuid.UUID) (token string, validFor time.Duration, err error) {
	now := time.Now()

	unsigned := jwt.NewWithClaims(jwt.SigningMethodHS256, claims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer:    c.config.Issuer,
			Subject:   userID.String(),
			Audience:  jwt.ClaimStrings{c.config.Audience},
			ExpiresAt: jwt.NewNumericDate(now.Add(c.config.TTL)),
			NotBefore: jwt.NewNumericDate(now),
			IssuedAt:  jwt.NewNumericDate(now),
			ID:        uuid.NewString(),
		},
		Session: session.String(),
	})
	unsigned.Header["typ"] = mediaType
	unsigned.Header["kid"] = c.kid

	token, err = unsigned.SignedString(c.keys[c.kid])
	if err != nil {
		return "", 0, fmt.Errorf("sign: %w", err)
	}

	return token, c.config.TTL, nil
}

// Verify returns the user and the session that a token was issued for. The error says what is wrong with the token, and is for
// the log.
func (c *Codec) Verify(token string) (userID, session uuid.UUID, err error) {
	if len(token) > maxLength {
		return uuid.Nil, uuid.Nil, errTooLong
	}

	if strings.ContainsAny(token, "\r\n") { // which the decoder of base64 skips: a token would have many forms
		return uuid.Nil, uuid.Nil, errLines
	}

	var read claims

	if _, err = c.parser.ParseWithClaims(token, &read, c.key); err != nil {
		return uuid.Nil, uuid.Nil, err
	}

	userID, subjectErr := uuid.Parse(read.Subject)
	session, sessionErr := uuid.Parse(read.Session)

	if subjectErr != nil || sessionErr != nil || read.IssuedAt == nil {
		return uuid.Nil, uuid.Nil, errClaims
	}

	return userID, session, nil
}

// key returns the key that a token names, once its header has proved to be one of ours. The name chooses among our keys and is
// used for nothing else.
func (c *Codec) key(token *jwt.Token) (any, error) {
	if token.Header["typ"] != mediaType || len(token.Header) != headers {
		return nil, errHeader
	}

	kid, ok := token.Header["kid"].(string)
	if !ok {
		return nil, errHeader
	}

	key, ok := c.keys[kid]
	if !ok {
		return nil, errKey
	}

	return key, nil
}

// keyID names a key, and tells nothing of it that would help to find it.
func keyID(secret string) string {
	const length = 4

	sum := sha256.Sum256([]byte(secret))

	return hex.EncodeToString(sum[:length])
}
