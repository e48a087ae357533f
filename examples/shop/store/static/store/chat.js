// The ticker: EventSource reconnects by itself, after the delay the server asked for.
const ticker = document.querySelector("#ticker");
const events = new EventSource(ticker.dataset.path);
events.onmessage = ({ data }) => {
  const { counter, instance } = JSON.parse(data);
  ticker.value = `${counter} from ${instance}`;
};
events.onerror = () => {
  ticker.value = "reconnecting …";
};

// The chat: a WebSocket does not reconnect, so every close plans the next attempt, each later than the last.
// Under WSGI the page has no chat form.
const form = document.querySelector("#chat");
if (form) {
  const status = document.querySelector("#status");
  const messages = document.querySelector("#messages");
  const url = new URL(form.dataset.path, location.href);
  url.protocol = url.protocol.replace("http", "ws");
  const FIRST_DELAY = 500;
  const LONGEST_DELAY = 10_000;
  let delay = FIRST_DELAY;
  let socket;

  const connect = () => {
    socket = new WebSocket(url);
    socket.onopen = () => {
      delay = FIRST_DELAY;
      status.value = "connected";
    };
    socket.onmessage = ({ data }) => {
      const { text, instance } = JSON.parse(data);
      const row = document.createElement("li");
      row.textContent = text;
      row.title = `from ${instance}`;
      messages.append(row);
    };
    socket.onclose = () => {
      status.value = "reconnecting …";
      // The random part keeps all visitors of a restarted server from coming back at the same moment.
      setTimeout(connect, delay * (0.5 + Math.random()));
      delay = Math.min(delay * 2, LONGEST_DELAY);
    };
  };

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (socket.readyState === WebSocket.OPEN) {
      socket.send(form.elements.text.value);
      form.reset();
    }
  });

  connect();
}
