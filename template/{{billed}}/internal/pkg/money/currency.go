package money

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Currency is the code of a currency, such as "EUR".
type Currency string

// defaultDigits is how many digits most currencies have behind the point.
const defaultDigits = 2

// codes are the alphabetic codes of ISO 4217, list one, as of 2026-01-01. Codes of funds, metals, units of account and of tests
// are left out: nobody is charged in them.
const codes = `
	AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP CNY COP CRC CUP CVE
	CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY
	KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO
	NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB
	TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG`

// minorDigits are those of ISO 4217, which differ from what people write: CLDR, and golang.org/x/text with it, has that.
var minorDigits = table(codes, map[int]string{ //nolint:gochecknoglobals // a constant in all but name
	0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF",
	3: "BHD IQD JOD KWD LYD OMR TND",
})

func table(all string, exceptions map[int]string) map[Currency]int {
	digits := map[Currency]int{}
	for code := range strings.FieldsSeq(all) {
		digits[Currency(code)] = defaultDigits
	}

	for number, codes := range exceptions {
		for code := range strings.FieldsSeq(codes) {
			digits[Currency(code)] = number
		}
	}

	return digits
}

// ParseCurrency returns the currency with a code, or ErrUnknownCurrency. Codes are upper case.
func ParseCurrency(code string) (Currency, error) {
	if currency := Currency(code); currency.Known() {
		return currency, nil
	}

	return "", fmt.Errorf("%w: %q", ErrUnknownCurrency, code)
}

// Currencies returns all currencies in the order of their codes.
func Currencies() []Currency { return slices.Sorted(maps.Keys(minorDigits)) }

// Known reports whether this is the code of a currency.
func (c Currency) Known() bool {
	_, ok := minorDigits[c]

	return ok
}

// Digits returns how many digits the minor unit stands for: 2 where a hundred of them are one major unit. It is 0 for a currency
// that is not known.
func (c Currency) Digits() int { return minorDigits[c] }
