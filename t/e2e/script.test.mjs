// The one script: what ./wahub run, stop, status, logs and reload promise,
// and that the container files name only what exists.

import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { freePort } from './lib/wahub.mjs'

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..')
const work = fs.mkdtempSync(path.join(os.tmpdir(), 'wahub-script-'))
const started = []

function environment(more) {
    const env = {}

    for (const [name, value] of Object.entries(process.env)) {
        const ours = name.startsWith('WAHUB_') && name !== 'WAHUB_MODULE'
        if (!ours && name !== 'PORT') {
            env[name] = value
        }
    }

    return { ...env, ...more }
}

function wahub(args, env) {
    const done = spawnSync(path.join(root, 'wahub'), args, {
        env: environment(env), cwd: os.tmpdir(), encoding: 'utf8',
        input: '', timeout: 120000,
    })

    return { code: done.status, out: done.stdout, err: done.stderr }
}

async function instance(name, more = {}) {
    const env = {
        PORT: String(await freePort()),
        WAHUB_DATA: path.join(work, name),
        ...more,
    }
    started.push(env)
    return env
}

function mode(file) {
    return fs.statSync(file).mode & 0o777
}

// What nginx reads of a rendered configuration: no comments.
function directives(env) {
    return fs.readFileSync(path.join(env.WAHUB_DATA, 'nginx.conf'), 'utf8')
        .split('\n').filter((line) => !/^\s*(#|$)/.test(line)).join('\n')
}

function oneLine(text, pattern) {
    assert.match(text, pattern)
    assert.equal(text.trim().split('\n').length, 1, text)
}

let main

before(async () => {
    main = await instance('main')
})

after(() => {
    for (const env of started) {
        wahub(['stop'], env)
    }

    fs.rmSync(work, { recursive: true, force: true })
})

test('run starts a server that answers /health and says how to use it',
    async () => {
        const { code, out, err } = wahub(['run'], main)
        const url = `http://127.0.0.1:${main.PORT}`

        assert.equal(code, 0, out + err)
        assert.ok(out.includes(url))
        assert.ok(out.includes(path.join(main.WAHUB_DATA, 'api.key')))

        const lines = out.split('\n').filter((line) => /^curl /.test(line))
        assert.equal(lines.length, 3)
        assert.match(lines[0], /\/api\/accounts$/)
        assert.match(lines[1], /\/qr\?format=txt/)
        assert.match(lines[2], /\/messages$/)

        const health = await fetch(`${url}/health`)
        assert.equal(health.status, 200)
    })

test('keys are long, secret and stay the same', () => {
    const keys = ['secret.key', 'admin.key', 'api.key']
        .map((name) => path.join(main.WAHUB_DATA, name))

    for (const file of keys) {
        assert.equal(mode(file), 0o600, file)
    }

    const before = keys.map((file) => fs.readFileSync(file).toString('hex'))
    assert.equal(before[0].length, 64)
    assert.match(fs.readFileSync(keys[2], 'utf8'), /^[\w-]{32,}\n$/)
    assert.notEqual(before[1], before[2])

    assert.equal(wahub(['run'], main).code, 0)
    assert.deepEqual(
        keys.map((file) => fs.readFileSync(file).toString('hex')), before)
})

test('other users cannot look into the data directory', () => {
    assert.equal(mode(main.WAHUB_DATA) & 0o007, 0)
    assert.equal(mode(path.join(main.WAHUB_DATA, 'redis')) & 0o007, 0)
    assert.equal(mode(path.join(main.WAHUB_DATA, 'log')) & 0o007, 0)
})

test('run again is harmless: same process, same words', () => {
    const pid = fs.readFileSync(path.join(main.WAHUB_DATA, 'nginx.pid'), 'utf8')
    const { code, out } = wahub(['run'], main)

    assert.equal(code, 0)
    assert.match(out, /wahub runs at/)
    assert.equal(
        fs.readFileSync(path.join(main.WAHUB_DATA, 'nginx.pid'), 'utf8'), pid)
})

test('the private Redis keeps what it confirmed', () => {
    const sock = path.join(main.WAHUB_DATA, 'redis.sock')
    const get = (name) => spawnSync('redis-cli',
        ['-s', sock, 'config', 'get', name], { encoding: 'utf8' })
        .stdout.trim().split('\n')[1]

    assert.equal(get('appendonly'), 'yes')
    assert.equal(get('appendfsync'), 'always')
    assert.equal(get('maxmemory-policy'), 'noeviction')
    assert.equal(get('port'), '0')
})

test('values without a variable leave no line behind', () => {
    const conf = directives(main)

    assert.doesNotMatch(conf, /@[A-Z_]+@/)
    assert.doesNotMatch(conf, /wahub_endpoint|wahub_noise_root_key/)
    assert.match(conf, new RegExp(`listen +${main.PORT};`))
    assert.match(conf, /worker_processes +2;/)
})

test('status tells what runs; logs show the error log', () => {
    const status = wahub(['status'], main)

    assert.equal(status.code, 0, status.out + status.err)
    assert.match(status.out, /nginx +running, pid \d+, port \d+/)
    assert.match(status.out, /redis +running/)
    assert.match(wahub(['logs'], main).out, /start worker process/)
})

test('a taken port is said in one line with a way out', async () => {
    const env = await instance('taken', { PORT: main.PORT })
    const { code, err } = wahub(['run'], env)

    assert.notEqual(code, 0)
    oneLine(err, new RegExp(`port ${main.PORT} is taken.*PORT=`))
    assert.ok(!fs.existsSync(env.WAHUB_DATA))
})

test('a data directory that cannot be made is said in one line', async () => {
    const file = path.join(work, 'file')
    fs.writeFileSync(file, '')
    const env = { PORT: String(await freePort()),
        WAHUB_DATA: path.join(file, 'var') }
    const { code, err } = wahub(['run'], env)

    assert.notEqual(code, 0)
    oneLine(err, /WAHUB_DATA=.*cannot be created/)
})

test('values that would end a directive are refused', async () => {
    const bad = {
        WAHUB_ENDPOINT: 'ws://127.0.0.1/; daemon off',
        WAHUB_REDIS: 'redis://a"b',
        WAHUB_STORE: 'sqlite:/a b',
        WAHUB_WEBHOOK_ALLOW: '10.0.0.0/8\n}',
        WAHUB_WORKERS: '0',
        WAHUB_MAX_ACCOUNTS: '-1',
        PORT: '80x',
    }

    for (const [name, value] of Object.entries(bad)) {
        const env = { WAHUB_DATA: path.join(work, 'bad'), PORT: '1',
            [name]: value }
        const { code, err } = wahub(['run'], env)

        assert.notEqual(code, 0, name)
        assert.ok(err.startsWith(`wahub: ${name}`), err)
        assert.ok(!fs.existsSync(env.WAHUB_DATA))
    }
})

test('an extra file reaches the http block; a broken one is refused at reload',
    async () => {
        const extra = path.join(work, 'extra.conf')
        const port = await freePort()
        fs.writeFileSync(extra,
            `server { listen 127.0.0.1:${port}; return 204; }\n`)
        const env = await instance('extra', { WAHUB_HTTP_EXTRA: extra,
            WAHUB_WORKERS: '1', WAHUB_MAX_ACCOUNTS: '100' })

        const run = wahub(['run'], env)
        assert.equal(run.code, 0, run.out + run.err)
        assert.equal((await fetch(`http://127.0.0.1:${port}/`)).status, 204)
        assert.match(directives(env), /worker_processes +1;/)
        assert.match(directives(env), /wahub_max_accounts +100;/)

        // Both instances run side by side.
        assert.equal(wahub(['status'], main).code, 0)

        fs.writeFileSync(extra, 'no_such_directive on;\n')
        const broken = wahub(['reload'], env)
        assert.notEqual(broken.code, 0)
        oneLine(broken.err, /not reloaded.*no_such_directive/)
        assert.equal((await fetch(`http://127.0.0.1:${port}/`)).status, 204)

        fs.writeFileSync(extra, '')
        assert.equal(wahub(['reload'], env).code, 0)
        assert.equal(wahub(['stop'], env).code, 0)
    })

test('a run that fails leaves nothing running', async () => {
    const extra = path.join(work, 'wrong.conf')
    fs.writeFileSync(extra, 'no_such_directive on;\n')
    const env = await instance('wrong', { WAHUB_HTTP_EXTRA: extra })
    const { code, err } = wahub(['run'], env)

    assert.notEqual(code, 0)
    oneLine(err, /nginx refuses .*no_such_directive/)
    assert.match(wahub(['stop'], env).out, /nothing runs/)
})

test('with WAHUB_REDIS no private Redis is started', async () => {
    const env = await instance('second', {
        WAHUB_REDIS: `unix:${path.join(main.WAHUB_DATA, 'redis.sock')}` })

    // Instances on one Redis are one cluster: they share the master key.
    fs.mkdirSync(env.WAHUB_DATA, { mode: 0o700 })
    fs.copyFileSync(path.join(main.WAHUB_DATA, 'secret.key'),
        path.join(env.WAHUB_DATA, 'secret.key'))
    const run = wahub(['run'], env)

    assert.equal(run.code, 0, run.out + run.err)
    assert.ok(!fs.existsSync(path.join(env.WAHUB_DATA, 'redis.sock')))
    assert.equal(wahub(['stop'], env).code, 0)
    assert.match(wahub(['status'], main).out, /redis +running/)
})

test('run --foreground ends with a signal and takes its servers along',
    async () => {
        const env = await instance('foreground')
        const child = spawn(path.join(root, 'wahub'), ['run', '--foreground'],
            { env: environment(env), stdio: ['ignore', 'pipe', 'inherit'] })

        for await (const chunk of child.stdout) {
            if (/messages\n/.test(chunk)) {
                break
            }
        }

        const url = `http://127.0.0.1:${env.PORT}/health`
        assert.equal((await fetch(url)).status, 200)

        const ended = once(child, 'exit')
        child.kill('SIGTERM')
        assert.equal((await ended)[0], 0)
        assert.match(wahub(['stop'], env).out, /nothing runs/)
    })

test('stop needs no file that the configuration names', () => {
    const gone = { ...main,
        WAHUB_TRUSTED_CERTIFICATE: path.join(work, 'gone.pem') }
    const run = wahub(['run'], gone)

    assert.notEqual(run.code, 0)
    oneLine(run.err, /WAHUB_TRUSTED_CERTIFICATE=.*no such file/)
    assert.equal(wahub(['status'], gone).code, 0)
    assert.match(wahub(['stop'], gone).out, /stopped/)
    assert.equal(wahub(['run'], main).code, 0)
})

test('stop ends both servers and may be repeated', () => {
    assert.match(wahub(['stop'], main).out, /stopped/)
    assert.match(wahub(['stop'], main).out, /nothing runs/)
    assert.equal(wahub(['status'], main).code, 3)
    assert.ok(!fs.existsSync(path.join(main.WAHUB_DATA, 'nginx.pid')))
})

test('unknown commands and options are errors', () => {
    assert.equal(wahub(['fly'], {}).code, 2)
    assert.notEqual(wahub(['run', '--fast'], {}).code, 0)
    assert.notEqual(wahub(['test', 'nothing'], {}).code, 0)
    assert.equal(wahub(['help'], {}).code, 0)
})

test('Dockerfile and compose.yaml name what exists', () => {
    const docker = fs.readFileSync(path.join(root, 'Dockerfile'), 'utf8')
    const compose = fs.readFileSync(path.join(root, 'compose.yaml'), 'utf8')
    const help = wahub(['help'], {}).out
    const joined = docker.replace(/\\\n/g, ' ')
    let copies = 0

    for (const [, args] of joined.matchAll(/^COPY (.*)$/gm)) {
        if (args.startsWith('--from=')) {
            continue
        }

        for (const name of args.trim().split(/\s+/).slice(0, -1)) {
            assert.ok(fs.existsSync(path.join(root, name)), name)
            copies++
        }
    }

    assert.ok(copies > 0)

    // The steps are commands of the script, and what the build stage leaves
    // is what `make` makes.
    for (const [, command] of joined.matchAll(/\.\/wahub (\w+)/g)) {
        assert.match(help, new RegExp(`^  ${command}\\b`, 'm'))
    }

    assert.match(docker, /build\/ngx_http_wahub_module\.so/)
    assert.match(docker, /^USER www-data$/m)
    assert.match(docker, /^HEALTHCHECK/m)

    // What the script sources at `run` has to be copied too.
    const script = fs.readFileSync(path.join(root, 'wahub'), 'utf8')
    for (const [, name] of script.matchAll(/^\. (tools\/\S+)/gm)) {
        assert.match(joined, new RegExp(`^COPY .*\\b${name}\\b`, 'm'))
    }

    for (const [, name] of compose.matchAll(/^ +(WAHUB_\w+|PORT):/gm)) {
        assert.ok(help.includes(name), name)
    }

    const volumes = [...compose.matchAll(/^ +- (\w+):\//gm)].map((m) => m[1])
    const declared = compose.split(/^volumes:$/m)[1]
    assert.ok(volumes.length > 0)
    for (const name of volumes) {
        assert.match(declared, new RegExp(`^  ${name}:`, 'm'))
    }
})
