// Package fakeapi is what the fakes of the three APIs count and parse with. What they serve and record with is public:
// providers/apitest.
package fakeapi
