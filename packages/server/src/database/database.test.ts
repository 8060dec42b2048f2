import assert from 'node:assert/strict'
import { it } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import { eachDatabase } from '../testing/databases.ts'
import { openDatabase } from './open.ts'
import { isOutage } from './outage.ts'

eachDatabase('the database', ({ open, newUrl, atEnd }) => {
  it('keeps what a transaction wrote and nothing of one that failed', async () => {
    const database = await open()
    await database.write((tx) => tx.insertInto('image_ids').values({ id: 'kept' }).execute())
    await assert.rejects(
      database.write(async (tx) => {
        await tx.insertInto('image_ids').values({ id: 'lost' }).execute()
        throw new Error('no')
      }),
    )
    const rows = await database.read.selectFrom('image_ids').select('id').execute()
    assert.deepEqual(
      rows.map(({ id }) => id),
      ['kept'],
    )
  })

  it('tells a duplicate from another error', async () => {
    const database = await open()
    const insert = () => database.write((tx) => tx.insertInto('image_ids').values({ id: 'one' }).execute())
    await insert()
    const error = await insert().then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    assert.equal(database.isDuplicate(error), true)
    assert.equal(database.isDuplicate(new Error('other')), false)
  })

  it('does not show a change to readers before its transaction ends', async () => {
    const database = await open()
    await database.write(async (tx) => {
      await tx.insertInto('image_ids').values({ id: 'hidden' }).execute()
      const seen = await database.read.selectFrom('image_ids').select('id').execute()
      assert.deepEqual(seen, [])
    })
  })

  it('lets many transactions at once each keep their change', async () => {
    const database = await open()
    const ids = Array.from({ length: 100 }, (_, index) => `id-${index}`)
    await Promise.all(ids.map((id) => database.write((tx) => tx.insertInto('image_ids').values({ id }).execute())))
    const rows = await database.read.selectFrom('image_ids').select('id').execute()
    assert.equal(rows.length, ids.length)
  })

  it('goes on by itself after its connections were cut, also in mid-transaction', async () => {
    const url = await newUrl()
    const database = await openDatabase(url)
    atEnd(() => database.close())
    if (database.kind === 'sqlite') return
    const cut = async (): Promise<void> => {
      const other = new pg.Client({ connectionString: url })
      await other.connect()
      await other.query(
        'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
      )
      await other.end()
    }
    const lost = await database
      .write(async (tx) => {
        await tx.insertInto('image_ids').values({ id: 'lost' }).execute()
        await cut()
        await wait(100)
        await tx.insertInto('image_ids').values({ id: 'lost too' }).execute()
      })
      .then(
        () => undefined,
        (error: unknown) => error,
      )
    assert.equal(isOutage(lost), true, String(lost))
    await cut()
    await wait(100)
    assert.deepEqual(await database.read.selectFrom('image_ids').selectAll().execute(), [])
  })

  it('can be opened by several processes at once when it is new', async () => {
    const url = await newUrl()
    const all = await Promise.all(Array.from({ length: 5 }, () => openDatabase(url)))
    for (const database of all) await database.check()
    for (const database of all) await database.close()
  })
})
