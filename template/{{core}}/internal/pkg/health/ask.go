package health

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// askTimeout is a little more than the checks of a probe may take.
const askTimeout = 3 * time.Second

// Ask returns nil when the service at an address, host and port, says that it is ready, and otherwise why it is not known to be.
func Ask(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()

	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/health/ready", http.NoBody)
	if err != nil {
		return fmt.Errorf("ask %s: %w", address, err)
	}

	// No proxy of the environment stands between two processes of one machine.
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("ask whether it is ready: %w", err)
	}

	if err := response.Body.Close(); err != nil {
		return fmt.Errorf("ask %s: %w", address, err)
	}

	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s is not ready: status %d", address, response.StatusCode) //nolint:err113 // for people
	}

	return nil
}
