// Package fakeapi is what the fakes of the three APIs have in common: a server that can be reached in memory or by
// loopback, that delays, drops and fails requests on demand, and that keeps a record of what its clients did.
//
// What is left to a fake is its API: one function that is called for one request at a time, in the order in which the
// requests arrive.
package fakeapi
