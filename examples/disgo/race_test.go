//go:build race

package main

// raceDetector says that this test is built with it.
const raceDetector = true
