"""Calls every method of openstacksdk's image proxy, and checks what comes back.

Arguments: a folder for files, the address of a web server's folder with `web.raw`, the SHA-512 of that file, and the id of
the consumer's project. Prints one JSON document: the methods that were called, and those that there are.
"""
import hashlib
import io
import json
import os
import sys
import time
import warnings

import openstack
import openstack.version
from openstack import exceptions
from openstack.image.v2 import _proxy

warnings.simplefilter('ignore')
folder, address, web_sha512, consumer_project = sys.argv[1:]
called = set()


class Recorder:
    """A proxy that remembers which of its methods were called."""

    def __init__(self, cloud):
        self._proxy = openstack.connect(cloud=cloud).image

    def __getattr__(self, name):
        called.add(name)
        return getattr(self._proxy, name)


producer, consumer, admin = Recorder('producer'), Recorder('consumer'), Recorder('admin')


def same(found, wanted):
    assert found == wanted, 'found %r, wanted %r' % (found, wanted)


def refused(code, call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except exceptions.HttpException as error:
        same(error.status_code, code)
        return
    raise AssertionError('%s was not refused' % call)


def until(what, look):
    deadline = time.monotonic() + 60
    while not look():
        assert time.monotonic() < deadline, '%s did not come' % what
        time.sleep(0.1)


def sha512(data):
    return hashlib.sha512(data).hexdigest()


def active(image_id):
    def look():
        image = producer.get_image(image_id)
        failed = [task for task in producer.get('/images/%s/tasks' % image_id).json()['tasks'] if task['message']]
        assert not failed, failed
        return image.status == 'active'

    until('the active image %s' % image_id, look)
    return producer.get_image(image_id)


def stores_of(image):
    # It knows no such attribute, and keeps it among the properties.
    return image.properties['stores']


data = os.urandom(70_000)
path = os.path.join(folder, 'sdk.raw')
with open(path, 'wb') as file:
    file.write(data)
raw = dict(disk_format='raw', container_format='bare')


def records():
    image = producer.create_image('golden', filename=path, tags=['lts'], meta={'os_distro': 'debian'}, min_disk=3, **raw)
    same((image.name, image.min_disk, image.tags), ('golden', 3, ['lts']))
    shown = producer.get_image(image.id)
    same((shown.status, shown.size, shown.hash_value), ('active', len(data), sha512(data)))
    same((shown.visibility, shown.os_distro), ('shared', 'debian'))
    same(producer.find_image('golden').id, image.id)
    same(producer.find_image('brass'), None)
    same([one.id for one in producer.images(name='golden', tag='lts')], [image.id])
    same(list(producer.images(name='golden', status='queued')), [])

    changed = producer.update_image(image.id, name='silver', hw_disk_bus='virtio', min_ram=64)
    same((changed.name, changed.hw_disk_bus, changed.min_ram), ('silver', 'virtio', 64))
    producer.update_image_properties(image.id, os_version='13')
    same(producer.get_image(image.id).properties.get('os_version', producer.get_image(image.id).os_version), '13')
    producer.add_tag(image.id, 'signed')
    same(sorted(producer.get_image(image.id).tags), ['lts', 'signed'])
    producer.remove_tag(image.id, 'lts')
    same(producer.get_image(image.id).tags, ['signed'])

    same(producer.download_image(image.id).content, data)
    saved = io.BytesIO()
    producer.download_image(image.id, output=saved)
    same(saved.getvalue(), data)
    same(b''.join(producer.download_image(image.id, stream=True).iter_content(4096)), data)

    producer.deactivate_image(image.id)
    same(producer.get_image(image.id).status, 'deactivated')
    # Streamed, since otherwise it takes the refusal for the bytes and complains of their digest.
    same(producer.download_image(image.id, stream=True).status_code, 403)
    producer.reactivate_image(image.id)
    same(producer.get_image(image.id).status, 'active')

    producer.delete_image(image.id)
    refused(404, producer.get_image, image.id)
    producer.delete_image(image.id)
    refused(404, producer.delete_image, image.id, ignore_missing=False)

    old = producer.upload_image(name='old way', data=data, **raw)
    same(active(old.id).hash_value, sha512(data))
    producer.delete_image(old.id)


def members():
    image = producer.create_image('shared', data=data, **raw)
    member = producer.add_member(image.id, member_id=consumer_project)
    same((member.status, member.member_id, member.image_id), ('pending', consumer_project, image.id))
    refused(409, producer.add_member, image.id, member_id=consumer_project)
    same([one.member_id for one in producer.members(image.id)], [consumer_project])
    same(consumer.get_member(consumer_project, image.id).status, 'pending')
    same(consumer.find_member(consumer_project, image.id).status, 'pending')
    same([one.id for one in consumer.images(visibility='shared', member_status='pending')], [image.id])
    same(consumer.update_member(consumer_project, image.id, status='accepted').status, 'accepted')
    same([one.id for one in consumer.images()], [image.id])
    refused(403, producer.update_member, consumer_project, image.id, status='rejected')
    producer.remove_member(consumer_project, image.id)
    same(list(producer.members(image.id)), [])
    same(consumer.find_image(image.id), None)
    producer.delete_image(image.id)


def imports():
    methods = ['glance-direct', 'web-download', 'copy-image']
    same(producer.get('/info/import').json()['import-methods']['value'], methods)
    try:
        same(producer.get_import_info().import_methods['value'], methods)
    except exceptions.InvalidRequest:
        # Up to 1.0 it misspells an option of its own, and gives up before it asks anybody.
        assert tuple(map(int, openstack.version.__version__.split('.')[:2])) < (1, 1)
    stores = {store.id: store for store in producer.stores()}
    same(sorted(stores), ['fast', 'slow'])
    same((stores['fast'].is_default, stores['slow'].description), (True, 'the slow one'))

    image = producer.create_image('staged', allow_duplicates=True, data=data, use_import=True, **raw)
    same(active(image.id).hash_value, sha512(data))

    queued = producer._proxy._create(openstack.image.v2.image.Image, name='by hand', **raw)
    staged = producer.stage_image(queued, data=data)
    same(staged.status, 'uploading')
    producer.import_image(staged, stores=['fast', 'slow'])
    by_hand = active(queued.id)
    same(by_hand.hash_value, sha512(data))
    until('both copies', lambda: sorted(stores_of(producer.get_image(queued.id)).split(',')) == ['fast', 'slow'])

    queued = producer._proxy._create(openstack.image.v2.image.Image, name='from the web', **raw)
    producer.import_image(queued, method='web-download', uri=address + '/web.raw', stores=['slow'])
    from_web = active(queued.id)
    same((from_web.hash_value, stores_of(from_web)), (web_sha512, 'slow'))


def tasks():
    wanted = {
        'import_from': address + '/web.raw',
        'import_from_format': 'raw',
        'image_properties': dict(name='by task', **raw),
    }
    task = admin.create_task(type='import', input=wanted)
    same(task.type, 'import')
    done = admin.wait_for_task(admin.get_task(task.id), interval=0.1, wait=60)
    same((done.id, done.status, done.message), (task.id, 'success', ''))
    same([one.id for one in admin.tasks(type='import', status='success')], [task.id])
    same(admin.find_image('by task').hash_value, web_sha512)
    refused(403, lambda: list(producer.tasks()))
    refused(404, admin.get_task, '00000000-0000-4000-8000-000000000000')

    broken = dict(wanted, import_from=address + '/nothing.raw')
    failed = admin.create_task(type='import', input=broken)
    try:
        admin.wait_for_task(failed, interval=0.1, wait=60)
    except exceptions.ResourceFailure:
        assert admin.get_task(failed.id).message, 'the task says why'
    else:
        raise AssertionError('the task did not fail')


def schemas():
    same(producer.get_image_schema().properties['status']['type'], 'string')
    same(producer.get_images_schema().properties['images']['type'], 'array')
    same(producer.get_member_schema().properties['status']['enum'], ['pending', 'accepted', 'rejected'])
    same(producer.get_members_schema().properties['members']['type'], 'array')
    same(producer.get_task_schema().properties['status']['type'], 'string')
    same(producer.get_tasks_schema().properties['tasks']['type'], 'array')


for part in (records, members, imports, tasks, schemas):
    part()

own = [name for cls in _proxy.Proxy.__mro__[:2] for name in vars(cls) if not name.startswith('_')]
methods = sorted({name for name in own if callable(getattr(_proxy.Proxy, name))})
print(json.dumps({'called': sorted(called), 'methods': methods}))
