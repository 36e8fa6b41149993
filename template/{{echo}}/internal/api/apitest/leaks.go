package apitest

import "go.uber.org/goleak"

// VerifyNoLeaks runs the tests of a package and fails when they leave goroutines behind; call it in TestMain.
func VerifyNoLeaks(m goleak.TestingM) { goleak.VerifyTestMain(m) }
