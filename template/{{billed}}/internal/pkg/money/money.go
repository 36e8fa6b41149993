// Package money counts money in whole minor units, such as cents, of one currency. It rounds nothing, and what does not fit is an
// error, never another amount.
package money

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"strings"
)

// The errors of this package, wrapped or not.
var (
	// ErrOverflow is returned for an amount that an int64 can't hold.
	ErrOverflow = errors.New("the amount is too large")
	// ErrCurrencies is returned where two amounts are in different currencies.
	ErrCurrencies = errors.New("the amounts are in different currencies")
	// ErrUnknownCurrency is returned for what is no code of a currency.
	ErrUnknownCurrency = errors.New("there is no such currency")
)

// Money is an amount in a currency. The zero Money is nothing, in no currency.
type Money struct {
	// Amount counts minor units, such as cents.
	Amount   int64
	Currency Currency
}

// New returns an amount of minor units in a currency.
func New(amount int64, currency Currency) Money {
	return Money{Amount: amount, Currency: currency}
}

// Add returns m + other.
func (m Money) Add(other Money) (Money, error) {
	if err := m.same(other); err != nil {
		return Money{}, err
	}

	sum := m.Amount + other.Amount
	if (sum > m.Amount) != (other.Amount > 0) {
		return Money{}, fmt.Errorf("%w: %s + %s", ErrOverflow, m, other)
	}

	return Money{Amount: sum, Currency: m.Currency}, nil
}

// Sub returns m - other.
func (m Money) Sub(other Money) (Money, error) {
	if err := m.same(other); err != nil {
		return Money{}, err
	}

	difference := m.Amount - other.Amount
	if (difference < m.Amount) != (other.Amount > 0) {
		return Money{}, fmt.Errorf("%w: %s - %s", ErrOverflow, m, other)
	}

	return Money{Amount: difference, Currency: m.Currency}, nil
}

// Mul returns m times n.
func (m Money) Mul(n int64) (Money, error) {
	high, low := bits.Mul64(magnitude(m.Amount), magnitude(n))
	negative := (m.Amount < 0) != (n < 0)

	limit := uint64(math.MaxInt64)
	if negative {
		limit++ // there is one more on that side
	}

	if high != 0 || low > limit {
		return Money{}, fmt.Errorf("%w: %s * %d", ErrOverflow, m, n)
	}

	product := int64(low) //nolint:gosec // bounded; the one that does not fit is its own negative
	if negative {
		product = -product
	}

	return Money{Amount: product, Currency: m.Currency}, nil
}

// Negate returns -m.
func (m Money) Negate() (Money, error) { return m.Mul(-1) }

// Compare returns -1, 0 or +1 as m is less than, equal to or more than other.
func (m Money) Compare(other Money) (int, error) {
	if err := m.same(other); err != nil {
		return 0, err
	}

	return cmp.Compare(m.Amount, other.Amount), nil
}

// String returns the amount in major units, such as "12.34 EUR".
func (m Money) String() string {
	digits := strconv.FormatUint(magnitude(m.Amount), 10)
	if minor := m.Currency.Digits(); minor > 0 {
		digits = strings.Repeat("0", max(0, minor+1-len(digits))) + digits
		digits = digits[:len(digits)-minor] + "." + digits[len(digits)-minor:]
	}

	if m.Amount < 0 {
		digits = "-" + digits
	}

	return strings.TrimSpace(digits + " " + string(m.Currency))
}

// document is what money is in JSON.
type document struct {
	AmountMinor int64    `json:"amount_minor"`
	Currency    Currency `json:"currency"`
}

// MarshalJSON implements json.Marshaler, as {"amount_minor": 1234, "currency": "EUR"}.
func (m Money) MarshalJSON() ([]byte, error) {
	text, err := json.Marshal(document{AmountMinor: m.Amount, Currency: m.Currency})
	if err != nil {
		return nil, fmt.Errorf("encode money: %w", err)
	}

	return text, nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (m *Money) UnmarshalJSON(text []byte) error {
	var read document
	if err := json.Unmarshal(text, &read); err != nil {
		return fmt.Errorf("decode money: %w", err)
	}

	if !read.Currency.Known() {
		return fmt.Errorf("decode money: %w", ErrUnknownCurrency)
	}

	*m = Money{Amount: read.AmountMinor, Currency: read.Currency}

	return nil
}

// same returns ErrCurrencies unless other is in the same currency.
func (m Money) same(other Money) error {
	if m.Currency != other.Currency {
		return fmt.Errorf("%w: %q and %q", ErrCurrencies, m.Currency, other.Currency)
	}

	return nil
}

// magnitude returns the distance of n from 0.
func magnitude(n int64) uint64 {
	if n < 0 {
		return -uint64(n) //nolint:gosec // wraps around to the distance
	}

	return uint64(n)
}
