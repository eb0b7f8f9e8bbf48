package main

import (
	"context"
	"errors"
	"io/fs"
	"log"
	"net/http"
	"sync"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/providers/slack"
	"github.com/underlimit/underlimit/transport"
)

// run calls work, with limits that are loaded from a file first, and saved there every minute and at the end. Work ends
// when its context does.
func run(ctx context.Context, file string, base http.RoundTripper, work func(context.Context, *http.Client)) error {
	buckets := bucket.NewRegistry(nil)
	if err := buckets.LoadFile(file); err != nil && !errors.Is(err, fs.ErrNotExist) { // at the first start there is none
		log.Printf("starting without the saved limits: %v", err)
	}
	client := &http.Client{Transport: transport.New(slack.New(nil), &transport.Options{Base: base, Buckets: buckets})}

	saving, stop := context.WithCancel(ctx)
	defer stop()
	var saver sync.WaitGroup
	saver.Go(func() { saveEveryMinute(saving, buckets, file) })
	work(ctx, client)
	stop()
	saver.Wait()
	return buckets.SaveFile(file) // after the last request
}

// saveEveryMinute keeps the file fresh, for a program that is killed.
func saveEveryMinute(ctx context.Context, buckets *bucket.Registry, file string) {
	ticker := time.NewTicker(time.Minute)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			if err := buckets.SaveFile(file); err != nil { // the file of a minute ago is still there
				log.Printf("saving the limits: %v", err)
			}
		case <-ctx.Done():
			return
		}
	}
}
