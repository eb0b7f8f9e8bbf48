module github.com/underlimit/underlimit/examples

go 1.26.0

require (
	github.com/bwmarrin/discordgo v0.29.0
	github.com/slack-go/slack v0.35.0
	github.com/underlimit/underlimit v0.0.0
)

require (
	github.com/gorilla/websocket v1.5.3 // indirect
	github.com/hashicorp/go-cleanhttp v0.5.2 // indirect
	github.com/hashicorp/go-retryablehttp v0.7.8 // indirect
	golang.org/x/crypto v0.0.0-20210421170649-83a5a9bb288b // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/time v0.16.0 // indirect
)

replace github.com/underlimit/underlimit => ../
