// Package apitest makes a fake of an API from one function, for testing programs and adapters without that API. It
// is also what the fakes slacktest, discordtest and intercomtest have in common: their Server has the methods of
// [Server], and their Fault, Report, Arrival and Delivery are those of this package.
//
// The function of an API gets one [Call] at a time, in the order in which requests arrive, and returns an [Answer]
// that also says which limits counted or refused the request. All else is done here: a [Server] is reached in
// memory, in a testing/synctest bubble too, or on a loopback address; it delays, drops and fails requests as
// [Options] say; and it keeps a record of what its clients did.
package apitest
