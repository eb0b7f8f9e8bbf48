package rtm_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/underlimit/underlimit/providers/slack"
	"github.com/underlimit/underlimit/providers/slack/rtm"
	"github.com/underlimit/underlimit/transport"
)

// Frames are paced before they are written, by whatever websocket client.
func Example() {
	p := slack.New(nil)
	limits := transport.New(p, nil) // for the Web API, chat.postMessage included
	ctx := context.Background()
	pacer := rtm.New(limits.Buckets(), p.Posts(ctx, "xoxb-token"), nil)

	write := func(frame map[string]any) error {
		text, err := json.Marshal(frame)
		if err != nil {
			return err
		}
		if err := pacer.Wait(ctx, text); err != nil {
			return err
		}
		fmt.Println("written:", frame["type"]) // conn.WriteMessage(websocket.TextMessage, text)
		return nil
	}
	typing := map[string]any{"id": 1, "type": "typing", "channel": "C024BE91L"}
	fmt.Println(write(typing))
	fmt.Println(errors.Is(write(typing), rtm.ErrDrop))
	fmt.Println(write(map[string]any{"id": 2, "type": "message", "channel": "C024BE91L", "text": "Hello"}))
	fmt.Println(write(map[string]any{"id": 3, "type": "message", "text": strings.Repeat("Hello ", 5000)}))
	pacer.Observe([]byte(`{"ok":true,"reply_to":2,"ts":"1355517523.000005","text":"Hello"}`)) // what was read

	// Output:
	// written: typing
	// <nil>
	// true
	// written: message
	// <nil>
	// rtm: the frame is larger than 16384 bytes
}
