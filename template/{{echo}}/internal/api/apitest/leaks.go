package apitest

import (
	"testing"

	"go.uber.org/goleak"
)

// VerifyNoLeaks runs the tests of a package and fails when they leave goroutines behind; call it in TestMain.
func VerifyNoLeaks(m *testing.M) { goleak.VerifyTestMain(m) }
