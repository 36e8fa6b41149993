package email_test

import (
	"testing"
	"time"

	"go.uber.org/goleak"
)

// waitFor bounds a wait for something that takes a moment.
const waitFor = 10 * time.Second

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
