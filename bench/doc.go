// Package bench measures underlimit beside others. It has nothing but benchmarks, and is a module of its own so that
// users of the library never see what they are compared with.
//
// BenchmarkContended compares ways to ask for leave and to tell what an answer said, at 64 goroutines.
// BenchmarkRoundTrip is what a request costs on its way through a transport when it need not wait.
package bench
