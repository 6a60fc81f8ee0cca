// The wahub half of ./wahub demo: tells what wahub publishes about messages
// and answers some of them through the API.
//
//   node tools/demo.mjs REDIS_SOCKET WAHUB_URL KEY_FILE

import { spawn } from 'node:child_process'
import fs from 'node:fs'
import readline from 'node:readline'

const [socket, url, keyFile] = process.argv.slice(2)
const key = fs.readFileSync(keyFile, 'utf8').trim()

// The contact answers what it gets: answering everything would never end.
const answerEvery = 3
let received = 0

function say(text) {
    console.log(`${new Date().toISOString().slice(11, 19)}  wahub: ${text}`)
}

async function answer(message) {
    const text = `wahub heard: ${message.text}`
    const reply = await fetch(`${url}/api/accounts/demo/messages`, {
        method: 'POST',
        headers: { 'X-Api-Key': key, 'Content-Type': 'application/json' },
        body: JSON.stringify({ to: message.from, text }),
    })

    say(`sends "${text}" (HTTP ${reply.status})`)
}

const events = spawn('redis-cli',
    ['-s', socket, 'psubscribe', 'wahub:events:*'],
    { stdio: ['ignore', 'pipe', 'inherit'] })

for await (const line of readline.createInterface({ input: events.stdout })) {
    if (!line.startsWith('{')) {
        continue
    }

    const event = JSON.parse(line)

    if (event.type === 'session.status') {
        say(`account "${event.session_id}" is ${event.data.state}`)
    }

    if (event.type !== 'message.received') {
        continue
    }

    const { message } = event.data
    say(`received "${message.text}" from ${message.push_name}`)
    received++

    if (received % answerEvery === 0) {
        answer(message).catch((e) => say(`cannot send: ${e.message}`))
    }
}
