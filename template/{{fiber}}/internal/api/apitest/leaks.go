package apitest

import "go.uber.org/goleak"

// VerifyNoLeaks runs the tests of a package and fails when they leave goroutines behind; call it in TestMain. Two of fasthttp
// are let be: the clock behind the Date header never ends, and the cleaner of a worker pool sees up to ten seconds late that
// its server is gone.
func VerifyNoLeaks(m goleak.TestingM) {
	goleak.VerifyTestMain(m,
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"),
	)
}
