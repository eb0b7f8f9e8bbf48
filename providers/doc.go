// Package providers says how the transport talks with the adapters of the APIs it knows.
//
// A [Provider] is pure: it holds no state, does no I/O and reads no clock. It turns a request into the [Call] it is
// (what it draws on) and an answer into a [Verdict] (what it says of those buckets, and whether the request may be
// sent again). The adapters are packages of their own, slack, discord, intercom and headers, so that a program links
// only those it names; [Join] makes one provider of several.
package providers
